"""PAD: the output's zero point around the input."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Pad
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    return (np.pad(x, cast(Pad, op.attrs).amounts, constant_values=graph.result(op).zero_point),)
