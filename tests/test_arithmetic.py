"""Fixed-point arithmetic against exact rationals written independently of it."""

from __future__ import annotations

import ctypes
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_runner import build

from edgekit_codegen.ir import Activation, DType, Quant, Tensor
from edgekit_codegen.reference.arithmetic import (
    activation_range,
    divide_by_power_of_two,
    quantize_multiplier,
    requantize,
    requantize_to_int8,
)

INT32 = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(-300, 300),
    st.builds(lambda e, d: max(-(1 << 31), min((1 << 31) - 1, (1 << e) + d)), st.integers(0, 31), st.integers(-2, 2)),
)
MULTIPLIERS = st.one_of(
    st.integers(1 << 30, (1 << 31) - 1), st.sampled_from([0, 1 << 30, (1 << 30) + 1, (1 << 31) - 1, 3 << 29])
)
SHIFTS = st.integers(-31, 30)


def rational_requantize(value: int, multiplier: int, shift: int) -> int:
    """The definition in exact rationals: wrap, round half up, round half away from zero."""
    shifted = (value * 2 ** max(shift, 0) + (1 << 31)) % (1 << 32) - (1 << 31)
    high = floor(Fraction(shifted * multiplier, 1 << 31) + Fraction(1, 2))
    quotient = Fraction(high, 2 ** max(-shift, 0))
    away = floor(abs(quotient) + Fraction(1, 2))
    return away if quotient >= 0 else -away


@given(INT32, MULTIPLIERS, SHIFTS)
def test_requantize_is_its_definition(value: int, multiplier: int, shift: int) -> None:
    assert int(requantize(value, multiplier, shift)) == rational_requantize(value, multiplier, shift)


@pytest.mark.parametrize("shift", [-31, -17, -2, -1, 0, 1, 3, 30])
@pytest.mark.parametrize("multiplier", [0, 1 << 30, (1 << 30) + 1, 3 << 29, (1 << 31) - 1])
def test_requantize_around_ties_and_extremes(multiplier: int, shift: int) -> None:
    centres = [0, *(sign << e for sign in (1, -1) for e in range(31)), (1 << 31) - 4, 4 - (1 << 31)]
    values = sorted({c + d for c in centres for d in range(-3, 4)} | {(1 << 31) - 1, -(1 << 31)})
    expected = [rational_requantize(v, multiplier, shift) for v in values]
    assert requantize(np.array(values), multiplier, shift).tolist() == expected


def test_the_kernels_requantize_alike() -> None:
    """ek_requantize over ties, extremes and every shift."""
    function = build(
        """
        #include "ek_requant.h"
        void requantize(const int32_t *value, const int32_t *multiplier, const int32_t *shift, int32_t *out, int n);
        void requantize(const int32_t *value, const int32_t *multiplier, const int32_t *shift, int32_t *out, int n)
        {
            for (int i = 0; i < n; ++i) {
                out[i] = ek_requantize(value[i], multiplier[i], shift[i]);
            }
        }
        """
    ).requantize
    centres = {0, (1 << 31) - 4, 4 - (1 << 31)} | {sign << e for sign in (1, -1) for e in range(31)}
    values = sorted({c + d for c in centres for d in range(-3, 4)} | {(1 << 31) - 1, -(1 << 31)})
    multipliers = [0, 1 << 30, (1 << 30) + 1, 3 << 29, 1518500250, (1 << 31) - 1]
    grid = np.array(list(product(values, multipliers, range(-31, 31))), np.int32)
    columns = [np.ascontiguousarray(column) for column in grid.T]
    result = np.empty(len(grid), np.int32)
    function(*(ctypes.c_void_p(array.ctypes.data) for array in (*columns, result)), len(grid))
    np.testing.assert_array_equal(result, requantize(*columns))


def test_both_roundings_happen() -> None:
    """3 * 0.5 / 4 is 0.375, which one rounding takes to 0: the first of two takes 1.5 to 2, the second 0.5 to 1."""
    assert int(requantize(3, 1 << 30, -2)) == 1
    assert int(requantize(-3, 1 << 30, -2)) == 0  # -1.5 goes up to -1


def test_arguments_broadcast_per_channel() -> None:
    acc = np.arange(-6, 6).reshape(3, 4) * 1000
    multipliers, shifts = np.array([1 << 30, (1 << 31) - 1, 3 << 29, 1 << 30]), np.array([0, -3, 2, -31])
    expected = [
        [rational_requantize(int(v), int(m), int(e)) for v, m, e in zip(row, multipliers, shifts, strict=True)]
        for row in acc
    ]
    assert requantize(acc, multipliers, shifts).tolist() == expected


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 31))
def test_division_rounds_half_away(value: int, exponent: int) -> None:
    quotient = Fraction(value, 1 << exponent)
    away = floor(abs(quotient) + Fraction(1, 2))
    assert int(divide_by_power_of_two(np.int64(value), exponent)) == (away if value >= 0 else -away)


@given(st.floats(2.0**-31, 2.0**30, allow_nan=False))
def test_multiplier_is_the_nearest(real: float) -> None:
    multiplier, exponent = quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    unit = Fraction(2) ** (exponent - 31)
    assert abs(Fraction(real) - multiplier * unit) <= unit / 2


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (1 << 30, 0)),
        (1.0, (1 << 30, 1)),
        (2.0**-32, (1 << 30, -31)),
        (np.nextafter(2.0**-32, 0.0), (1 << 30, -31)),  # rounds up to the smallest that is kept
        (0.99 * 2.0**-32, (0, 0)),
        (1.0 - 2.0**-33, (1 << 30, 1)),  # the mantissa rounds up to 2^31 and is halved
        (0.5 + 2.0**-32, ((1 << 30) + 1, 0)),  # a tie rounds away from zero
    ],
)
def test_multiplier_edges(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-0.5, float("nan"), float("inf")])
def test_multiplier_refuses(real: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        quantize_multiplier(real)


@given(INT32, MULTIPLIERS, SHIFTS, st.integers(-128, 127))
def test_result_stays_within_the_limits(value: int, multiplier: int, shift: int, zero: int) -> None:
    result = requantize_to_int8(np.int64(value), multiplier, shift, zero, (-100, 90))
    exact = rational_requantize(value, multiplier, shift) + zero
    if -(1 << 31) <= exact < 1 << 31:
        assert int(result) == max(-100, min(90, exact))


def out(scale: float, zero_point: int) -> Tensor:
    return Tensor(0, "out", (1, 4), DType.INT8, Quant((float(np.float32(scale)),), (zero_point,)))


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        (Activation.NONE, 0.1, 5, (-128, 127)),
        (Activation.RELU, 0.1, 5, (5, 127)),
        (Activation.RELU, 0.1, -128, (-128, 127)),
        (Activation.RELU6, 0.1, -10, (-10, 50)),
        (Activation.RELU6, 6 / 255, -128, (-128, 127)),
        (Activation.RELU6, 4.0, 0, (0, 2)),  # 1.5 rounds away from zero
        (Activation.RELU_N1_TO_1, 0.4, 0, (-3, 3)),  # 2.5 as well, on both sides
        (Activation.RELU_N1_TO_1, 0.001, 3, (-128, 127)),
    ],
)
def test_activation_range(activation: Activation, scale: float, zero_point: int, expected: tuple[int, int]) -> None:
    assert activation_range(activation, out(scale, zero_point)) == expected
