"""ELU, bit-exact: exp(x) - 1 below zero, in single precision."""

from __future__ import annotations

import math

import numpy as np

from ..ir.types import Graph, Op
from .convolution import Array
from .single_precision import Float32Array, quantized, rounded


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (quantized(values, graph.operand(op, 0), graph.result(op), _elu),)


def _elu(x: Float32Array) -> Float32Array:
    below = rounded(math.exp, np.minimum(x, np.float32(0.0))) - np.float32(1.0)
    return np.where(x < 0, below, x)
