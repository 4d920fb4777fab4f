"""TRANSPOSE_CONV, bit-exact: the windows of all input pixels, summed where they overlap."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import TransposeConv
from .arithmetic import activation_range, convolution_factors, quantize_multipliers, requantize_to_int8
from .convolution import Array, tap, with_bias


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, weights, bias = operands
    assert x is not None and weights is not None
    attrs, out = cast(TransposeConv, op.attrs), graph.result(op)
    (images, height, width, _), (channels, kh, kw, _) = x.shape, weights.shape
    (top, left), (rows, pixels) = attrs.crop, attrs.size
    full = (
        max(top + rows, (height - 1) * attrs.stride[0] + kh),
        max(left + pixels, (width - 1) * attrs.stride[1] + kw),
    )
    total = np.zeros((images, *full, channels))
    centred = x.astype(np.float64) - graph.operand(op, 0).zero_point
    # Products of integers below 2^16 summed in doubles are exact as long as there are fewer than 2^37 of them.
    for ky in range(kh):
        for kx in range(kw):
            part = tap(total, ky, kx, (height, width), attrs.stride, (1, 1))
            part += centred @ weights[:, ky, kx, :].T.astype(np.float64)
    multiplier, exponent = quantize_multipliers(
        convolution_factors(graph.operand(op, 0), graph.operand(op, 1), out, channels)
    )
    result = requantize_to_int8(
        with_bias(total[:, top : top + rows, left : left + pixels], bias),
        multiplier,
        exponent,
        out.zero_point,
        activation_range(attrs.activation, out),
    )
    return (result,)
