"""ABS, bit-exact: requantized after the sign is gone."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import quantize_multiplier, requantize_to_int8
from .convolution import Array
from .scaling import requantize_factor


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    size = np.abs(values.astype(np.int64) - x.zero_point)
    factor = quantize_multiplier(requantize_factor(x, out))
    return (requantize_to_int8(size, *factor, out.zero_point, (-128, 127)),)
