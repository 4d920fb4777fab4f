"""ARG_MAX: where the largest stored value stands along one dimension, the first among equals."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import ArgMax
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (np.asarray(values.argmax(axis=cast(ArgMax, op.attrs).axis), np.int32),)
