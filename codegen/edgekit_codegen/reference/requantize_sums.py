"""REQUANTIZE_SUMS: the epilogue of a convolution alone."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op, Tensor
from ..ops.attributes import RequantizeSums
from .arithmetic import activation_range, quantize_multipliers, requantize_to_int8
from .convolution import Array


def factors(sums: Tensor, out: Tensor) -> tuple[float, ...]:
    """The real scaling factor of each channel, in double precision."""
    if sums.quant is None:
        raise ValueError(f"{sums.name}: expected scales")
    scales = sums.quant.scale if sums.quant.per_channel else sums.quant.scale * sums.shape[-1]
    return tuple(scale / out.scale for scale in scales)


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (sums,) = operands
    assert sums is not None
    out = graph.result(op)
    limits = activation_range(cast(RequantizeSums, op.attrs).activation, out)
    multiplier, exponent = quantize_multipliers(factors(graph.operand(op, 0), out))
    return (requantize_to_int8(sums.astype(np.int64), multiplier, exponent, out.zero_point, limits),)
