"""RESIZE_BILINEAR, bit-exact: weights in 1/1024 along both dimensions, one rounding at the end."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Resize
from .arithmetic import Int64Array, divide_by_power_of_two
from .convolution import Array
from .resizing import FRACTION_BITS, bilinear_begin, bilinear_step


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    a = cast(Resize, op.attrs)
    between_rows = _interpolated(x.astype(np.int64), 1, a.size[0], a)
    between_pixels = _interpolated(between_rows, 2, a.size[1], a)
    return (divide_by_power_of_two(between_pixels, 2 * FRACTION_BITS).astype(np.int8),)


def _interpolated(values: Int64Array, axis: int, out_size: int, a: Resize) -> Int64Array:
    """Times 2^FRACTION_BITS, at the output's coordinates along one dimension."""
    size = values.shape[axis]
    step = bilinear_step(size, out_size, a.align_corners)
    coordinates = np.arange(out_size) * step + bilinear_begin(step, a.half_pixel)
    below = np.maximum(np.trunc(coordinates / (1 << FRACTION_BITS)).astype(np.int64), 0)
    above = np.minimum(-(-coordinates // (1 << FRACTION_BITS)), size - 1)
    shape = [1] * values.ndim
    shape[axis] = out_size
    weight = (coordinates - (below << FRACTION_BITS)).reshape(shape)
    lower, upper = values.take(below, axis), values.take(above, axis)
    result: Int64Array = lower * ((1 << FRACTION_BITS) - weight) + upper * weight
    return result
