"""ADD, bit-exact."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Add
from .arithmetic import (
    ADD_LEFT_SHIFT,
    activation_range,
    add_factors,
    quantize_multiplier,
    requantize,
    requantize_to_int8,
)
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    tensors, out = (graph.operand(op, 0), graph.operand(op, 1)), graph.result(op)
    *scale_in, scale_out = add_factors(*tensors, out)
    total = np.zeros(out.shape, np.int64)
    for values, tensor, factor in zip(operands, tensors, scale_in, strict=True):
        assert values is not None
        shifted = (values.astype(np.int64) - tensor.zero_point) << ADD_LEFT_SHIFT
        total += requantize(shifted, *quantize_multiplier(factor))
    limits = activation_range(cast(Add, op.attrs).activation, out)
    return (requantize_to_int8(total, *quantize_multiplier(scale_out), out.zero_point, limits),)
