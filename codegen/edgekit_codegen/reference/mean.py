"""MEAN, bit-exact: the sum less its zero points, times a multiplier that holds scale ratio and count."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Mean
from .arithmetic import requantize_to_int8
from .convolution import Array
from .scaling import mean_multiplier


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    a, x, out = cast(Mean, op.attrs), graph.operand(op, 0), graph.result(op)
    count = math.prod(x.shape[i] for i in a.axes)
    total = np.asarray(values.astype(np.int64).sum(axis=a.axes)) - x.zero_point * count
    result = requantize_to_int8(total, *mean_multiplier(x, out, count), out.zero_point, (-128, 127))
    return (result.reshape(out.shape),)
