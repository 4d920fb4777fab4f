"""Sums of two int8 values, each times a factor, in 32 bits: proved for every pair of values that there is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..reference.arithmetic import ADD_LEFT_SHIFT, requantize

Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]

_VALUES = np.arange(-128, 128, dtype=np.int64)
_SHIFTS = range(23, 15, -1)
_NEAR = sorted(((i, j) for i in range(-3, 4) for j in range(-3, 4)), key=lambda near: abs(near[0]) + abs(near[1]))


@dataclass(frozen=True, slots=True)
class Sum:
    """(a * factors[0] + b * factors[1] + bias) >> shift, then clamped, is the reference's sum of any a and b."""

    factors: Pair
    bias: int
    shift: int


@lru_cache(maxsize=256)
def fit(zeros: Pair, multipliers: Pair, shifts: Pair, scale: Pair, zero: int, limits: Pair) -> Sum | None:
    """Of the numbers that the reference computes with; None where there is none.

    zeros, multipliers, shifts  of the inputs
    scale                       the output's multiplier and shift
    zero, limits                its zero point and what it is clamped to
    """
    parts = [
        requantize((_VALUES - zero) << ADD_LEFT_SHIFT, multiplier, shift)
        for zero, multiplier, shift in zip(zeros, multipliers, shifts, strict=True)
    ]
    wanted = np.clip(requantize(parts[0][:, None] + parts[1], *scale) + zero, *limits)
    unit = scale[0] * 2.0 ** (scale[1] - 31 + ADD_LEFT_SHIFT)
    real = [m * 2.0 ** (s - 31) * unit for m, s in zip(multipliers, shifts, strict=True)]
    for shift in _SHIFTS:
        for near in _NEAR:
            factors = (round(real[0] * 2.0**shift) + near[0], round(real[1] * 2.0**shift) + near[1])
            bias = _bias(wanted, factors, shift, limits)
            if bias is not None:
                return Sum(factors, bias, shift)
    return None


def _bias(wanted: Ints, factors: Pair, shift: int, limits: Pair) -> int | None:
    """What puts every pair where it is wanted, without leaving 32 bits."""
    value = _VALUES[:, None] * factors[0] + _VALUES * factors[1]
    far = 1 << 40
    least = np.where(wanted > limits[0], (wanted << shift) - value, -far).max()
    most = np.where(wanted < limits[1], ((wanted + 1) << shift) - 1 - value, far).min()
    if least > most:
        return None
    bias = int(least if least > -far else most)
    largest = 128 * (abs(factors[0]) + abs(factors[1])) + abs(bias)
    return bias if largest < 1 << 31 else None
