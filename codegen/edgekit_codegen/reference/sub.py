"""SUB, bit-exact."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from ..ops.attributes import Sub
from .arithmetic import ADD_LEFT_SHIFT, activation_range, add_factors, quantize_multiplier, requantize_to_int8
from .binary import pair, scaled
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (a, b), out = pair(graph, op, operands), graph.result(op)
    factor_a, factor_b, factor = add_factors(a[1], b[1], out)
    difference = scaled(a, ADD_LEFT_SHIFT, factor_a) - scaled(b, ADD_LEFT_SHIFT, factor_b)
    limits = activation_range(cast(Sub, op.attrs).activation, out)
    return (requantize_to_int8(difference, *quantize_multiplier(factor), out.zero_point, limits),)
