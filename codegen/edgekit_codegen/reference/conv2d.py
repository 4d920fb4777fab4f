"""CONV_2D, bit-exact."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Conv2D
from .arithmetic import activation_range, convolution_factors, quantize_multipliers, requantize_to_int8
from .convolution import Array, centred, tap, with_bias


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, weights, bias = operands
    assert x is not None and weights is not None
    attrs = cast(Conv2D, op.attrs)
    out = graph.result(op)
    (_, rows, pixels, channels), (_, kh, kw, depth) = out.shape, weights.shape
    image = centred(x, graph.operand(op, 0), attrs.padding).astype(np.float64)
    columns = np.stack(
        [
            tap(image, ky, kx, (rows, pixels), attrs.stride, attrs.dilation).reshape(
                out.elements // channels, -1, depth
            )
            for ky in range(kh)
            for kx in range(kw)
        ],
        axis=2,
    )
    groups = columns.shape[1]
    kernels = weights.reshape(groups, channels // groups, kh * kw * depth).astype(np.float64)
    # Products of integers below 2^16 summed in doubles are exact as long as there are fewer than 2^37 of them.
    acc = np.concatenate([columns[:, g].reshape(len(columns), -1) @ kernels[g].T for g in range(groups)], axis=1)
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
    return (result.reshape(out.shape),)
