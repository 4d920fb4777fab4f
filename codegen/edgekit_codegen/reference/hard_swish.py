"""HARD_SWISH, bit-exact: a pipeline of int16 products."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import Int64Array, divide_by_power_of_two
from .convolution import Array
from .elementwise import HIRES_SHIFT, hard_swish_scaling


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    (out_multiplier, out_exponent), reluish = hard_swish_scaling(x, out)
    hires = (values.astype(np.int64) - x.zero_point) << HIRES_SHIFT
    product = _reluish(hires, *reluish) * _times(hires, out_multiplier)
    cut = np.sign(product) * (np.abs(product) >> 15)  # towards zero, unlike the other products
    result = divide_by_power_of_two(cut, -out_exponent) + out.zero_point
    return (np.clip(result, -128, 127).astype(np.int8),)


def _reluish(hires: Int64Array, multiplier: int, exponent: int) -> Int64Array:
    """clamp(x / 6 + 1/2, 0, 1) in Q0.15. A left shift saturates twice, so that its last bit is that of the product."""
    if exponent > 0:
        scaled = _int16(_times(_int16(hires << (exponent - 1)), multiplier) << 1)
    else:
        scaled = divide_by_power_of_two(_times(hires, multiplier), -exponent)
    return (scaled + (1 << 15)) >> 1


def _times(a: Int64Array, b: int) -> Int64Array:
    """The rounded product of two Q0.15, halves towards plus infinity."""
    product: Int64Array = (a * b + (1 << 14)) >> 15
    return product


def _int16(values: Int64Array) -> Int64Array:
    clamped: Int64Array = np.clip(values, -(1 << 15), (1 << 15) - 1)
    return clamped
