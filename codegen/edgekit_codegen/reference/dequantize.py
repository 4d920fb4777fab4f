"""DEQUANTIZE, bit-exact: the exact product of scale and centred value, rounded once to single precision."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x = graph.operand(op, 0)
    with np.errstate(over="ignore", under="ignore"):
        return ((x.scale * (values.astype(np.float64) - x.zero_point)).astype(np.float32),)
