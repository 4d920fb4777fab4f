"""MAX_POOL_2D: the largest valid element, clamped."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Pool2D
from .arithmetic import activation_range
from .convolution import Array
from .pooling import taps


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    out = graph.result(op)
    largest = np.full(out.shape, -128, np.int64)
    for values in taps(graph, op, x, -128):
        largest = np.maximum(largest, values)
    return (np.clip(largest, *activation_range(cast(Pool2D, op.attrs).activation, out)).astype(np.int8),)
