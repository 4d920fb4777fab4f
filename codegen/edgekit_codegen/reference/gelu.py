"""GELU, bit-exact to LiteRT, in single precision; TensorFlow Lite Micro has no such operator."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Gelu
from .convolution import Array
from .single_precision import Float32Array, quantized, rounded

MINUS_SQRT_HALF = np.float32(-math.sqrt(0.5))
SQRT_2_OVER_PI = np.float32(math.sqrt(2.0 / math.pi))
CUBIC = np.float32(0.044715)


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    function = _approximate if cast(Gelu, op.attrs).approximate else _exact
    return (quantized(values, graph.operand(op, 0), graph.result(op), function),)


def _exact(x: Float32Array) -> Float32Array:
    """x * P(X <= x) of a standard normal X; erfc keeps the precision of negative x."""
    return (np.float32(0.5) * x) * rounded(math.erfc, x * MINUS_SQRT_HALF)


def _approximate(x: Float32Array) -> Float32Array:
    inner = SQRT_2_OVER_PI * (x + CUBIC * x * x * x)
    return np.float32(0.5) * x * (np.float32(1.0) + rounded(math.tanh, inner))
