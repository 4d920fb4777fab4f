"""What makes one element out of whole dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Attrs


@dataclass(frozen=True, slots=True)
class Mean(Attrs):
    """axes: the reduced dimensions, non-negative and ascending."""

    axes: tuple[int, ...]
    keep_dims: bool
