"""Epilogues of c/kernels/ek_v6m.h: sums scaled by products of 32 bits, proved to be the reference's output by output.

A layer's output is a staircase over its sum, of at most 255 steps. Scaling by another multiplier and rounding once is
another one. Both never fall, so they are the same for every sum that there can be if they are on both sides of every
step: that is checked here, channel by channel, and is all that the proof needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ops.record import Requant

Ints = npt.NDArray[np.int64]

ONE_DIGIT = (12,)  # EK_V6M_DIGIT
TWO_DIGITS = (10, 10)  # EK_V6M_DIGITS
"""Bits of the lower digits of a multiplier; its highest one is as large as it needs to be."""

_LARGEST = {ONE_DIGIT: (1 << 20) - (1 << 9), TWO_DIGITS: (1 << 22) - (1 << 13)}
"""A sum of that size times a digit, and what is carried into it, fit 32 bits."""

_SHIFT = 22  # to the right, at most
_SHIFTS = 4  # that are tried, from the largest possible one on
_NEAR = {ONE_DIGIT: tuple(sorted(range(-24, 25), key=abs)), TWO_DIGITS: tuple(sorted(range(-800, 801), key=abs))}
"""Multipliers that are tried, counted from the nearest one."""
_FAR = np.int64(1) << 61


@dataclass(frozen=True, slots=True)
class Scale:
    """How a layer's sums are scaled: see ek_v6m_scale.

    table   [channels, words]: bias, digits of the multiplier from the highest on, two or three, the last one times 256
            and above the shift to the right; where outputs can be below the zero point, what is subtracted there
    centre  the zero point, twice, and 1, for the rounding; 0 where the bias has them, as no output is below it
    """

    table: npt.NDArray[np.int32]
    centre: int

    @property
    def words(self) -> int:
        """Of a channel."""
        return int(self.table.shape[1])

    @property
    def packed(self) -> npt.NDArray[np.int8]:
        """The table as kernels read it."""
        return np.ascontiguousarray(self.table.astype("<i4")).view(np.int8).reshape(-1)


def scale(low: Ints, high: Ints, requant: Requant, zero: int) -> Scale | None:
    """For sums low .. high without their bias, [channels] each, and outputs clamped to int8; None where there is none.

    requant  the epilogue as it is defined, the input's zero point folded into the bias
    zero     the output's zero point
    """
    arrays = (low, high, requant.bias, requant.multiplier, requant.shift)
    return _scale(*(a.astype(np.int64).tobytes() for a in arrays), zero)


def ends(matrix: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """The least and the largest sum of products of weights [channels, taps] with int8 inputs."""
    weights = matrix.astype(np.int64)
    both = weights * -128, weights * 127
    return np.minimum(*both).sum(axis=1), np.maximum(*both).sum(axis=1)


@lru_cache(maxsize=4096)
def _scale(low: bytes, high: bytes, bias: bytes, multiplier: bytes, shift: bytes, zero: int) -> Scale | None:
    layer = _Layer(zero, *(np.frombuffer(a, np.int64) for a in (low, high, bias, multiplier, shift)))
    if (layer.shift > 0).any() or (layer.multiplier <= 0).any():
        return None
    steps: _Steps | None = None
    for digits in (TWO_DIGITS,) if layer.signed else (ONE_DIGIT, TWO_DIGITS):
        if layer.largest.max() > _LARGEST[digits]:
            continue
        steps = steps or layer.steps()
        table = layer.fit(steps, digits)
        if table is not None:
            return Scale(table if layer.signed else table[:, :-1], layer.centre)
    return None


@dataclass(frozen=True, slots=True)
class _Steps:
    """Where a layer's outputs step.

    value  [255]: the outputs from -127 on
    first  [channels, 255]: the least sum that yields as much, or what lies behind the largest
    above  [channels]: the least sum whose high product is not negative
    """

    value: Ints
    first: Ints
    above: Ints

    def part(self, channels: Ints) -> _Steps:
        return _Steps(self.value, self.first[channels], self.above[channels])


@dataclass(frozen=True, slots=True)
class _Layer:
    zero: int
    low: Ints
    high: Ints
    bias: Ints
    multiplier: Ints
    shift: Ints

    @property
    def largest(self) -> Ints:
        return np.maximum(-self.low, self.high)

    def steps(self) -> _Steps:
        value = np.arange(-127, 128, dtype=np.int64)
        per_unit = 2.0 ** (31 - self.shift) / np.maximum(self.multiplier, 1)
        about = (value - self.zero - 0.5) * per_unit[:, None] - self.bias[:, None]
        first = self._first(about, lambda sums: self._output(sums) >= value)
        above = self._first(-self.bias[:, None].astype(float), lambda sums: self._product(sums) >= 0)
        return _Steps(value, first, above[:, 0])

    def _first(self, about: npt.NDArray[np.float64], reached: Any) -> Ints:
        """The least sum in range at which `reached`, which lies near `about`; the next one behind the range else."""
        low, high = self.low[:, None], self.high[:, None] + 1
        first = np.clip(np.clip(about, -(2.0**40), 2.0**40).astype(np.int64) - 4, low, high)
        for _ in range(10):
            first = np.where((first < high) & ~reached(first), first + 1, first)
        right = ((first == high) | reached(first)) & ((first == low) | ~reached(first - 1))
        if not right.all():
            raise AssertionError("a step is not where it was looked for")
        return first

    def _product(self, sums: Ints) -> Ints:
        return ((sums + self.bias[:, None]) * self.multiplier[:, None] + (1 << 30)) >> 31

    def _output(self, sums: Ints) -> Ints:
        product, right = self._product(sums), -self.shift[:, None]
        half = np.where(right > 0, (1 << np.maximum(right - 1, 0)) - (product < 0), 0)
        return ((product + half) >> right) + self.zero

    @property
    def signed(self) -> bool:
        """Whether outputs can be below the zero point."""
        return self.zero > -128

    @property
    def centre(self) -> int:
        """As Scale.centre."""
        return 2 * self.zero + 1 if self.signed else 0

    def rights(self) -> Ints:
        """The largest shifts for which the scaled sums fit 32 bits before they are shifted."""
        unit = self.multiplier * 2.0 ** (self.shift - 31)
        ends = (np.abs((sums + self.bias) * unit) for sums in (self.low, self.high))
        highest = np.maximum.reduce([*ends, self.largest * unit, np.full(len(unit), 1.0)])
        right: Ints = np.minimum(30 - np.ceil(np.log2(highest)).astype(np.int64), _SHIFT)
        return right

    def fit(self, steps: _Steps, digits: tuple[int, ...]) -> npt.NDArray[np.int32] | None:
        """The table, or None where a channel has none."""
        table = np.zeros((len(self.low), len(digits) + 3), np.int64)
        left = np.arange(len(self.low))
        for less in range(_SHIFTS):
            right = np.maximum(self.rights() - less, 8)
            exact = self.multiplier * 2.0 ** (self.shift - 31 + right + sum(digits))
            for near in _NEAR[digits]:
                part, shift = self._part(left), right[left]
                below = part.below(shift)
                multiplier = np.rint(exact[left]).astype(np.int64) + near
                bias, found = part._bias(steps.part(left), shift, multiplier, below, sum(digits))
                rows = np.stack([bias, *_digits(multiplier, digits), below], axis=1)
                found &= part._fits(rows, shift, digits)
                rows[:, -2] = rows[:, -2] << 8 | shift
                table[left[found]] = rows[found]
                left = left[~found]
                if not len(left):
                    return table.astype(np.int32)
        return None

    def _part(self, channels: Ints) -> _Layer:
        return _Layer(self.zero, *(a[channels] for a in (self.low, self.high, self.bias, self.multiplier, self.shift)))

    def below(self, right: Ints) -> Ints:
        """What is subtracted below zero: one of the reference's product, whose halves are rounded away from zero."""
        known = self.signed & (self.shift < 0) & (self.shift >= -right)
        unit: Ints = np.where(known, np.int64(1) << np.maximum(right + self.shift, 0), 0)
        return unit

    def _bias(
        self, steps: _Steps, right: Ints, multiplier: Ints, below: Ints, unit: int
    ) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """A bias for each channel, and whether it puts all steps where they are. unit: bits below that of the bias"""
        wanted = (steps.value << right[:, None]) - (self.centre << right >> 1)[:, None]
        factor = multiplier[:, None]
        at, before = steps.first, steps.first - 1
        least, most = (
            ((wanted + np.where(sums < steps.above[:, None], below[:, None], 0)) << unit) - factor * sums
            for sums in (at, before)
        )
        least = np.where(at <= self.high[:, None], least, -_FAR).max(axis=1)
        most = np.where(before >= self.low[:, None], most - 1, _FAR).min(axis=1)
        if self.signed:
            above = steps.above
            least = np.maximum(least, np.where(above <= self.high, -multiplier * above, -_FAR))
            most = np.minimum(most, np.where(above > self.low, -1 - multiplier * (above - 1), _FAR))
        lowest, highest = -(-least >> unit), most >> unit
        bias = np.where(least == -_FAR, highest, lowest)  # of least and most one is given: each step is out of reach
        return bias, (lowest <= highest) & (np.abs(bias) < 1 << 31)  # above all sums or of no sum at all

    def _fits(self, rows: Ints, right: Ints, digits: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Whether nothing overflows on the way, at either end of the sums: products grow from one to the other."""
        centre, (bias, high, *lower, below) = np.abs(self.centre << right), rows.T
        fits: npt.NDArray[Any] = (np.abs(bias) + below + centre < 1 << 31) & (np.abs(high) < 1 << 31)
        for sums in (self.low, self.high):
            carried = np.zeros_like(sums)
            for digit, bits in zip(reversed(lower), reversed(digits), strict=True):
                carried = (digit * sums + carried) >> bits
            top = high * sums
            fits &= (np.abs(top) < 1 << 31) & (np.abs(top + carried) < 1 << 31)
            fits &= np.abs(top + carried + bias) + below + centre < 1 << 31
        return fits


def _digits(multiplier: Ints, digits: tuple[int, ...]) -> list[Ints]:
    """From the highest on; lower ones of n bits are from -2^(n - 1) to 2^(n - 1) - 1."""
    found, rest = [], multiplier
    for bits in reversed(digits):
        half = 1 << (bits - 1)
        digit = ((rest + half) & ((1 << bits) - 1)) - half
        found.append(digit)
        rest = (rest - digit) >> bits
    return [rest, *reversed(found)]
