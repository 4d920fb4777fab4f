"""Boxes: the half-open regions of tensors that every rule and schedule speaks about (rows, pixels, channels)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open region y0 <= y < y1, x0 <= x < x1, c0 <= c < c1 of a tensor's (rows, pixels, channels) view.

    Boxes that an operator's rule returns are unclipped: what lies outside the tensor is true padding.
    """

    y0: int
    y1: int
    x0: int
    x1: int
    c0: int
    c1: int

    @classmethod
    def of(cls, hwc: tuple[int, int, int]) -> Box:
        """The whole of a tensor."""
        return cls(0, hwc[0], 0, hwc[1], 0, hwc[2])

    def clip(self, hwc: tuple[int, int, int]) -> Box:
        """The part inside a tensor of that view."""
        h, w, c = hwc
        return Box(max(self.y0, 0), min(self.y1, h), max(self.x0, 0), min(self.x1, w), max(self.c0, 0), min(self.c1, c))

    @property
    def empty(self) -> bool:
        return self.y0 >= self.y1 or self.x0 >= self.x1 or self.c0 >= self.c1
