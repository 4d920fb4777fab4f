"""SLICE and STRIDED_SLICE: a part of the input."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import StridedSlice
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    a = cast(StridedSlice, op.attrs)
    parts = zip(a.begin, a.size, a.step, strict=True)
    return (np.ascontiguousarray(x[np.ix_(*(begin + step * np.arange(size) for begin, size, step in parts))]),)
