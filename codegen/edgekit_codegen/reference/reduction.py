"""What the reductions share."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Reduction
from .arithmetic import requantize_to_int8
from .convolution import Array


def scaled_sum(graph: Graph, op: Op, operands: tuple[Array | None, ...], scaling: tuple[int, int]) -> Array:
    """The sum over the attributes' dimensions without zero points, scaled by (multiplier, exponent), as int8."""
    (values,) = operands
    assert values is not None
    axes, x, out = cast(Reduction, op.attrs).axes, graph.operand(op, 0), graph.result(op)
    count = math.prod(x.shape[i] for i in axes)
    total = np.asarray(values.astype(np.int64).sum(axis=axes)) - x.zero_point * count
    return requantize_to_int8(total, *scaling, out.zero_point, (-128, 127)).reshape(out.shape)
