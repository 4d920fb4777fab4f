"""SUM, bit-exact: the sum less its zero points, times the ratio of scales."""

from __future__ import annotations

from ..ir.types import Graph, Op
from .arithmetic import quantize_multiplier
from .convolution import Array
from .reduction import scaled_sum
from .scaling import requantize_factor


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, out = graph.operand(op, 0), graph.result(op)
    return (scaled_sum(graph, op, operands, quantize_multiplier(requantize_factor(x, out))),)
