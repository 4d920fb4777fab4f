"""PARTIAL_SUMS: int32 sums and products, modulo 2^32."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import wrap_int32
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    sums, x, weights = operands
    assert sums is not None and x is not None and weights is not None
    matrix = weights.reshape(weights.shape[0], -1).astype(np.float64)  # exact: products are below 2^15, and few
    products = (x.astype(np.float64) @ matrix.T).astype(np.int64)
    return (wrap_int32(products + sums).astype(np.int32),)
