"""RELU and its kin, bit-exact: requantized, then clamped."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Relu
from .arithmetic import activation_range, quantize_multiplier, requantize_to_int8
from .convolution import Array
from .scaling import requantize_factor


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    limits = activation_range(cast(Relu, op.attrs).activation, out)
    centred = values.astype(np.int64) - x.zero_point
    return (requantize_to_int8(centred, *quantize_multiplier(requantize_factor(x, out)), out.zero_point, limits),)
