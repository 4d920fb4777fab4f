"""What makes one element out of whole dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Attrs


@dataclass(frozen=True, slots=True)
class Reduction(Attrs):
    """axes: the reduced dimensions, non-negative and ascending; keep_dims: they stay, with size 1."""

    axes: tuple[int, ...]
    keep_dims: bool


@dataclass(frozen=True, slots=True)
class Mean(Reduction):
    """The average."""


@dataclass(frozen=True, slots=True)
class Sum(Reduction):
    """The sum."""


@dataclass(frozen=True, slots=True)
class ReduceMax(Reduction):
    """The largest element."""


@dataclass(frozen=True, slots=True)
class ReduceMin(Reduction):
    """The smallest element."""


@dataclass(frozen=True, slots=True)
class ArgMax(Attrs):
    """axis: the dimension, non-negative, along which the index of the largest element is asked; it goes."""

    axis: int


@dataclass(frozen=True, slots=True)
class ArgMin(Attrs):
    """axis: the dimension, non-negative, along which the index of the smallest element is asked; it goes."""

    axis: int
