"""MEAN, bit-exact: the sum less its zero points, times a multiplier that holds scale ratio and count."""

from __future__ import annotations

import math
from typing import cast

from ..ir.types import Graph, Op
from ..ops.attributes import Mean
from .convolution import Array
from .reduction import scaled_sum
from .scaling import mean_multiplier


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, out = graph.operand(op, 0), graph.result(op)
    count = math.prod(x.shape[i] for i in cast(Mean, op.attrs).axes)
    return (scaled_sum(graph, op, operands, mean_multiplier(x, out, count)),)
