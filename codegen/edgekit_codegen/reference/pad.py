"""PAD: a constant around the input."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Pad
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    a = cast(Pad, op.attrs)
    value = graph.result(op).zero_point if a.value is None else a.value
    return (np.pad(x, a.amounts, constant_values=value),)
