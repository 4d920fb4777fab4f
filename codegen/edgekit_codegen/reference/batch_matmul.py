"""BATCH_MATMUL, bit-exact."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import BatchMatmul
from .arithmetic import convolution_factors, quantize_multiplier, requantize_to_int8
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    attrs = cast(BatchMatmul, op.attrs)
    x, y, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    a, b = (_centred(v, t.zero_point) for v, t in zip(operands, (x, y), strict=True))
    # Products of integers below 2^17 summed in doubles are exact as long as there are fewer than 2^36 of them.
    product = (a.swapaxes(-1, -2) if attrs.adj_x else a) @ (b.swapaxes(-1, -2) if attrs.adj_y else b)
    factor = quantize_multiplier(*convolution_factors(x, y, out, 1))
    return (requantize_to_int8(product.astype(np.int64), *factor, out.zero_point, (-128, 127)),)


def _centred(values: Array | None, zero_point: int) -> Array:
    assert values is not None
    return values.astype(np.float64) - zero_point
