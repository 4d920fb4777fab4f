"""PRELU, bit-exact: one multiplier for elements from zero on, one for the product with alpha."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import quantize_multiplier, requantize_to_int8
from .binary import centred, pair
from .convolution import Array
from .elementwise import mul_factor
from .scaling import requantize_factor


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x, alpha), out = pair(graph, op, operands), graph.result(op)
    value = centred(x)
    identity, below = (quantize_multiplier(f) for f in (requantize_factor(x[1], out), mul_factor(x[1], alpha[1], out)))
    positive = requantize_to_int8(value, *identity, out.zero_point, (-128, 127))
    negative = requantize_to_int8(value * centred(alpha), *below, out.zero_point, (-128, 127))
    return (np.where(value >= 0, positive, negative),)
