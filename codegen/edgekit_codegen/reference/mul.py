"""MUL, bit-exact: one requantization of the product."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from ..ops.attributes import Mul
from .arithmetic import activation_range, quantize_multiplier, requantize_to_int8
from .binary import centred, pair
from .convolution import Array
from .elementwise import mul_factor


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (a, b), out = pair(graph, op, operands), graph.result(op)
    factor = quantize_multiplier(mul_factor(a[1], b[1], out))
    limits = activation_range(cast(Mul, op.attrs).activation, out)
    return (requantize_to_int8(centred(a) * centred(b), *factor, out.zero_point, limits),)
