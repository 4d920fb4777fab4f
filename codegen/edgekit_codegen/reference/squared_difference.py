"""SQUARED_DIFFERENCE, bit-exact."""

from __future__ import annotations

from ..ir.types import Graph, Op
from .arithmetic import quantize_multiplier, requantize_to_int8
from .binary import pair, scaled
from .convolution import Array
from .elementwise import SQUARED_LEFT_SHIFT, squared_difference_factors


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (a, b), out = pair(graph, op, operands), graph.result(op)
    factor_a, factor_b, factor = squared_difference_factors(a[1], b[1], out)
    difference = scaled(a, SQUARED_LEFT_SHIFT, factor_a) - scaled(b, SQUARED_LEFT_SHIFT, factor_b)
    return (requantize_to_int8(difference**2, *quantize_multiplier(factor), out.zero_point, (-128, 127)),)
