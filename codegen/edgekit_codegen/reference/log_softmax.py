"""LOG_SOFTMAX, bit-exact: the softmax's exponentials, and a logarithm in fixed point.

Numbers are int64 arrays of stored values; Qm.n means m integer and n fractional bits (and a sign).
"""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import Int64Array, divide_by_power_of_two, requantize
from .convolution import Array
from .scaling import SOFTMAX_INTEGER_BITS, SOFTMAX_SUM_BITS, log_softmax_reverse, softmax_scaling
from .softmax import ONE, exponential, reciprocal, times

OUTPUT_INTEGER_BITS = 4
LOG_2 = 1488522236  # log(2) in Q0.31
SQRT_HALF = 1518500250  # 2^(-1/2) in Q0.31
SQRT_SQRT_HALF = 1805811301  # 2^(-1/4) in Q0.31
ALPHA_NUMERATOR = 117049297  # 11/240 * 2^(1/4) in Q0.31
ALPHA_SQUARE = 127690142  # 1/20 * 2^(1/4) in Q0.31
ALPHA_CONSTANT = 1057819769  # 2 / 2^(1/4) - 2^(1/4) in Q0.31
ALPHA_LINEAR = 638450708  # 1/4 * 2^(1/4) in Q0.31
EXTRA_BITS = SOFTMAX_INTEGER_BITS + 1  # integer bits of the sum of logarithms, with one to spare
QUARTER = 1 << (31 - EXTRA_BITS - 2)


def logarithm(x: Int64Array) -> Int64Array:
    """log of x >= 1 in Q12.19, as Q5.26: of x = 2^k * r with r around 2^(-1/4) a multiple of log(2) and a rational
    function of r. k and r are taken in two ways, from x and from x / sqrt(2); the smaller r is the good one."""
    zeros = 31 - _bits(x)
    r_a = np.minimum(times(x << zeros, SQRT_HALF) << 1, ONE)
    k_a = ((SOFTMAX_SUM_BITS - 1 - zeros) << (31 - EXTRA_BITS)) + QUARTER
    zeros = 31 - _bits(times(x, SQRT_HALF))
    r_b = np.minimum(x << zeros, ONE)
    k_b = ((SOFTMAX_SUM_BITS - zeros) << (31 - EXTRA_BITS)) - QUARTER
    r, k = np.minimum(r_a, r_b), np.maximum(k_a, k_b)
    p = (r + SQRT_SQRT_HALF + 1) >> 1
    q = 2 * (r - SQRT_SQRT_HALF)
    square = times(q, q)
    numerator = times(q, r) + times(times(q, square), ALPHA_NUMERATOR)
    denominator = times(p, ALPHA_CONSTANT + q + times(square, ALPHA_SQUARE)) + times(q, ALPHA_LINEAR)
    quotient = times(divide_by_power_of_two(numerator, EXTRA_BITS), reciprocal(denominator))
    return 2 * (times(k, LOG_2) + quotient)


def _bits(x: Int64Array) -> Int64Array:
    """Bits up to the leading one; exact below 2^53."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x = graph.operand(op, 0)
    multiplier, exponent, lowest = softmax_scaling(x, 1.0)
    wide = values.astype(np.int64)
    difference = wide - wide.max(axis=-1, keepdims=True)
    counts = difference >= lowest
    scaled = requantize(np.where(counts, difference, 0), multiplier, exponent)
    exponentials = divide_by_power_of_two(exponential(scaled), SOFTMAX_SUM_BITS)
    log_sum = logarithm(np.where(counts, exponentials, 0).sum(axis=-1, keepdims=True))
    bound = requantize(log_sum - (1 << 31), *log_softmax_reverse(x))
    fraction = 31 - SOFTMAX_INTEGER_BITS - OUTPUT_INTEGER_BITS
    result = np.clip(divide_by_power_of_two(scaled - log_sum, fraction) + 127, -128, 127)
    return (np.where(difference > np.maximum(bound, lowest - 1), result, -128).astype(np.int8),)
