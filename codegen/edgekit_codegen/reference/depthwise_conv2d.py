"""DEPTHWISE_CONV_2D, bit-exact."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import DepthwiseConv2D
from .arithmetic import activation_range, convolution_factors, quantize_multipliers, requantize_to_int8
from .convolution import Array, centred, tap, with_bias


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, weights, bias = operands
    assert x is not None and weights is not None
    attrs = cast(DepthwiseConv2D, op.attrs)
    out = graph.result(op)
    (_, rows, pixels, channels), (_, kh, kw, _) = out.shape, weights.shape
    image = centred(x, graph.operand(op, 0), attrs.padding)
    if attrs.multiplier > 1:
        image = np.repeat(image, attrs.multiplier, axis=3)
    acc = np.zeros(out.shape, np.int32)
    for ky in range(kh):
        for kx in range(kw):
            values = tap(image, ky, kx, (rows, pixels), attrs.stride, attrs.dilation)
            acc += values * weights[0, ky, kx].astype(np.int32)
    multiplier, exponent = quantize_multipliers(
        convolution_factors(graph.operand(op, 0), graph.operand(op, 1), out, channels)
    )
    result = requantize_to_int8(
        with_bias(acc, bias),
        multiplier,
        exponent,
        out.zero_point,
        activation_range(attrs.activation, out),
    )
    return (result,)
