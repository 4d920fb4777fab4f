"""ARG_MIN: where the smallest stored value stands along one dimension, the first among equals."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import ArgMin
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (np.asarray(values.argmin(axis=cast(ArgMin, op.attrs).axis), np.int32),)
