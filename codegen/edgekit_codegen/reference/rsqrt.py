"""RSQRT, bit-exact: Newton and Raphson in fixed point on the stored value, then one requantization.

Zero gives 127, as in TensorFlow Lite Micro. So do values below the zero point, at which that one stops with an error.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import Int64Array, divide_by_power_of_two, quantize_multiplier, requantize
from .convolution import Array
from .elementwise import RSQRT_SHIFT, rsqrt_factor
from .softmax import ONE, times

SQRT_HALF = 1518500250  # in Q0.31
STEPS = 5


@cache
def inverse_roots() -> Int64Array:
    """1 / sqrt(n) of 1 .. 255 with RSQRT_SHIFT fraction bits; 0 for 0."""
    roots = [requantize(1, *_inverse_root(n)) for n in range(1, 256)]
    return np.array([0, *map(int, roots)], np.int64)


def _inverse_root(n: int) -> tuple[int, int]:
    """(M, e) of 2^RSQRT_SHIFT / sqrt(n): n is brought to 1/4 .. 1 by an even shift, where 1 is a fair first guess."""
    if n == 1:
        return ONE, RSQRT_SHIFT
    pairs = (32 - n.bit_length() - 1) // 2 - 1
    x = np.array([(n << 2 * pairs) >> 1], np.int64)  # Q3.28
    half, guess = divide_by_power_of_two(x, 1), np.array([1 << 28], np.int64)
    for _ in range(STEPS):
        cube = _saturate(times(times(guess, guess), guess) << 6)
        guess = _saturate((times(guess, (1 << 28) + (1 << 27)) - times(half, cube)) << 3)
    exponent = 11 - pairs
    root = int(times(guess, SQRT_HALF)[0])
    return root << max(-exponent, 0), RSQRT_SHIFT - max(exponent, 0)


def _saturate(values: Int64Array) -> Int64Array:
    clamped: Int64Array = np.clip(values, -(1 << 31), ONE)
    return clamped


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    centred = values.astype(np.int64) - x.zero_point
    multiplier, exponent = quantize_multiplier(rsqrt_factor(x, out))
    scaled = requantize(inverse_roots()[np.maximum(centred, 0)], multiplier, exponent - RSQRT_SHIFT) + out.zero_point
    return (np.where(centred > 0, np.clip(scaled, -128, 127), 127).astype(np.int8),)
