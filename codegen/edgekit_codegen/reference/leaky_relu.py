"""LEAKY_RELU, bit-exact: one multiplier for elements from zero on, one for those below."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import LeakyRelu
from .arithmetic import quantize_multiplier, requantize
from .convolution import Array
from .elementwise import leaky_relu_factors


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    identity, below = leaky_relu_factors(x, out, cast(LeakyRelu, op.attrs).alpha)
    centred = values.astype(np.int64) - x.zero_point
    scaled = requantize(centred, *quantize_multiplier(abs(below)))
    negative = -scaled if below < 0.0 else scaled
    result = np.where(centred >= 0, requantize(centred, *quantize_multiplier(identity)), negative) + out.zero_point
    return (np.clip(result, -128, 127).astype(np.int8),)
