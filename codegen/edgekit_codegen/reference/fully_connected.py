"""FULLY_CONNECTED, bit-exact."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import FullyConnected
from .arithmetic import activation_range, convolution_factors, quantize_multipliers, requantize_to_int8
from .convolution import Array, with_bias


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    x, weights, bias = operands
    assert x is not None and weights is not None
    out = graph.result(op)
    channels, depth = weights.shape
    vectors = x.reshape(-1, depth).astype(np.float64) - graph.operand(op, 0).zero_point
    # Products of integers below 2^16 summed in doubles are exact as long as there are fewer than 2^37 of them.
    quant = graph.operand(op, 1).quant
    zero_point = 0 if quant is None or quant.per_channel else quant.zero_point[0]
    acc = vectors @ (weights.T.astype(np.float64) - zero_point)
    multiplier, exponent = quantize_multipliers(
        convolution_factors(graph.operand(op, 0), graph.operand(op, 1), out, channels)
    )
    result = requantize_to_int8(
        with_bias(acc, bias),
        multiplier,
        exponent,
        out.zero_point,
        activation_range(cast(FullyConnected, op.attrs).activation, out),
    )
    return (result.reshape(out.shape),)
