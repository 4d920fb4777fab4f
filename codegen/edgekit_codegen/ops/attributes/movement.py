"""What moves elements without changing them."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Attrs
from .windows import Pair


@dataclass(frozen=True, slots=True)
class Pad(Attrs):
    """amounts: (before, after) per dimension; the value is the output's zero point."""

    amounts: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Reshape(Attrs):
    """The same elements in the same order under the output's shape."""


@dataclass(frozen=True, slots=True)
class Transpose(Attrs):
    """Output dimension i is input dimension permutation[i]."""

    permutation: tuple[int, ...]
