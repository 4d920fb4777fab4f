"""TRANSPOSE: the dimensions in another order."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Transpose
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    return (np.ascontiguousarray(x.transpose(cast(Transpose, op.attrs).permutation)),)
