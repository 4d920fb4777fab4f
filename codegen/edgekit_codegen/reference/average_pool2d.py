"""AVERAGE_POOL_2D, bit-exact: the integer sum over the valid elements, divided with halves away from zero."""

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
    total, count = np.zeros(out.shape, np.int64), np.zeros(out.shape, np.int64)
    for values, valid in zip(taps(graph, op, x, 0), taps(graph, op, np.ones_like(x), 0), strict=True):
        total += values
        count += valid
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return (np.clip(mean, *activation_range(cast(Pool2D, op.attrs).activation, out)).astype(np.int8),)
