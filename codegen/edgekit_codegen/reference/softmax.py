"""SOFTMAX, bit-exact: exponentials and a reciprocal in fixed point.

Numbers are int64 arrays of stored values; Qm.n means m integer and n fractional bits (and a sign).
"""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Softmax
from .arithmetic import Int64Array, divide_by_power_of_two, requantize
from .convolution import Array
from .scaling import SOFTMAX_INTEGER_BITS, SOFTMAX_SUM_BITS, softmax_scaling

ONE = (1 << 31) - 1  # the largest Q0.31 stands for 1
EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8) in Q0.31
THIRD = 715827883  # 1/3 in Q0.31
EXP_OF_POWERS = {  # n -> exp(-2^n) in Q0.31
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
RECIPROCAL_START = 1515870810  # 48/17 in Q2.29
RECIPROCAL_SLOPE = -1010580540  # -32/17 in Q2.29


def times(a: Int64Array, b: Int64Array | int) -> Int64Array:
    """The rounded product of Q(m).(31-m) and Q(n).(31-n) as Q(m+n).(31-m-n)."""
    product: Int64Array = (a * b + (1 << 30)) >> 31
    return product


def exponential(x: Int64Array, integer_bits: int = SOFTMAX_INTEGER_BITS) -> Int64Array:
    """exp of x <= 0 with up to 5 integer bits, as Q0.31: a polynomial on [-1/4, 0), times exp of the remaining powers
    of two."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    fraction = (x & (quarter - 1)) - quarter
    y = (fraction << integer_bits) + (1 << 28)
    square = times(y, y)
    fourth_over_4 = divide_by_power_of_two(times(square, square), 2)
    tail = divide_by_power_of_two(times(fourth_over_4 + times(square, y), THIRD) + square, 1)
    result = EXP_MINUS_EIGHTH + times(y + tail, EXP_MINUS_EIGHTH)
    remainder = fraction - x
    for power, factor in EXP_OF_POWERS.items():
        result = np.where(remainder >> (fraction_bits + power) & 1, times(result, factor), result)
    return np.where(x == 0, ONE, result)


def twice_reciprocal(x: Int64Array) -> Int64Array:
    """2 / (1 + x) of 0 <= x < 1 in Q0.31, as Q2.29: three steps of Newton and Raphson on (1 + x) / 2."""
    half = (x + ONE + 1) >> 1
    estimate = RECIPROCAL_START + times(half, RECIPROCAL_SLOPE)
    for _ in range(3):
        estimate = estimate + (times(estimate, (1 << 29) - times(half, estimate)) << 2)
    return estimate


def reciprocal(x: Int64Array) -> Int64Array:
    """1 / (1 + x) of 0 <= x < 1, both Q0.31."""
    result: Int64Array = np.minimum(twice_reciprocal(x) << 1, ONE)
    return result


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    multiplier, exponent, lowest = softmax_scaling(graph.operand(op, 0), cast(Softmax, op.attrs).beta)
    wide = values.astype(np.int64)
    difference = wide - wide.max(axis=-1, keepdims=True)
    counts = difference >= lowest
    exponentials = exponential(requantize(np.where(counts, difference, 0), multiplier, exponent))
    rescaled = divide_by_power_of_two(exponentials, SOFTMAX_SUM_BITS)
    total = np.where(counts, rescaled, 0).sum(axis=-1, keepdims=True)
    length = np.frexp(total.astype(np.float64))[1].astype(np.int64)  # bits of the sum, exact below 2^53
    scale = reciprocal((total << (32 - length)) - (1 << 31))
    shift = length - (31 - SOFTMAX_SUM_BITS) - 1 + 23
    # From a sum of 512 on the shift passes 31: every probability is then below half a step.
    product = times(scale, exponentials)
    probability = np.where(shift > 31, 0, divide_by_power_of_two(product, np.minimum(shift, 31)))
    result = np.where(counts, np.clip(probability - 128, -128, 127), -128)
    return (result.astype(np.int8),)
