"""REDUCE_MAX: the largest stored value over the attributes' dimensions."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import ReduceMax
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (np.asarray(values.max(axis=cast(ReduceMax, op.attrs).axes)).reshape(graph.result(op).shape),)
