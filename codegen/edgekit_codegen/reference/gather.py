"""GATHER: chosen elements along one dimension."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, indices = operands
    assert x is not None and indices is not None
    chosen = np.clip(indices, 0, x.shape[2] - 1)[:, :, :, None]
    return (np.take_along_axis(x, chosen, axis=2)[:, :, None],)
