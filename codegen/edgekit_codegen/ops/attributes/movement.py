"""What moves elements without changing them."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Attrs
from .windows import Pair


@dataclass(frozen=True, slots=True)
class Pad(Attrs):
    """A border of one value, in at most one dimension before the last two.

    amounts  (before, after) per dimension
    value    the stored value of the border; None for the output's zero point
    """

    amounts: tuple[Pair, ...]
    value: int | None = None


@dataclass(frozen=True, slots=True)
class MirrorPad(Attrs):
    """A border that mirrors what lies inside.

    amounts    (before, after) per dimension
    symmetric  the outermost elements are repeated; otherwise they are the mirror
    """

    amounts: tuple[Pair, ...]
    symmetric: bool


@dataclass(frozen=True, slots=True)
class Concatenation(Attrs):
    """Inputs one behind the other along `axis`, the last dimension or the one before it."""

    axis: int


@dataclass(frozen=True, slots=True)
class StridedSlice(Attrs):
    """Elements begin, begin + step, ... of every dimension, as many as `size` says; steps may be negative."""

    begin: tuple[int, ...]
    size: tuple[int, ...]
    step: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reshape(Attrs):
    """The same elements in the same order under the output's shape."""


@dataclass(frozen=True, slots=True)
class Transpose(Attrs):
    """Output dimension i is input dimension permutation[i]."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather(Attrs):
    """inputs (x [batch, outer, size, inner], indices int32 [batch, 1, count]), output [batch, outer, 1, count, inner]:
    out[b, o, 0, i] = x[b, o, indices[b, 0, i]], as axis 2 with one batch dimension gives.

    A computed index outside 0 .. size-1 reads the nearest element.
    """


@dataclass(frozen=True, slots=True)
class Tile(Attrs):
    """The input side by side with itself, `repeats` times along every dimension."""

    repeats: tuple[int, ...]
