"""Fixed-point arithmetic, bit for bit as TensorFlow Lite Micro computes it (the double rounding profile)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Activation, Tensor

Int64Array = npt.NDArray[np.int64]

MAX_LEFT_SHIFT = 30  # of the scaling that kernels support
ADD_LEFT_SHIFT = 20  # of the inputs of an addition


def round_half_away(value: float) -> int:
    """The nearest integer, halves away from zero (C's round). Exact while |value| < 2^52."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


@lru_cache(maxsize=1 << 14)
def quantize_multiplier(real: float) -> tuple[int, int]:
    """(M, e) with real ~= M * 2^(e - 31) and 2^30 <= M < 2^31; (0, 0) where real is 0 or below 2^-32.

    Raises ValueError for a negative or non-finite factor.
    """
    if not (math.isfinite(real) and real >= 0.0):
        raise ValueError(f"a scaling factor must be finite and not negative, not {real}")
    mantissa, exponent = math.frexp(real)
    fixed = round_half_away(mantissa * 2.0**31)
    if fixed == 1 << 31:
        fixed //= 2
        exponent += 1
    if exponent < -31:
        return 0, 0
    return fixed, exponent


def quantize_multipliers(factors: Sequence[float]) -> tuple[Int64Array, Int64Array]:
    """quantize_multiplier of each factor: arrays of M and of e."""
    pairs = [quantize_multiplier(f) for f in factors]
    return np.array([m for m, _ in pairs], np.int64), np.array([e for _, e in pairs], np.int64)


def wrap_int32(values: Int64Array) -> Int64Array:
    """The int32 that two's complement arithmetic modulo 2^32 leaves, as int64."""
    return values.astype(np.int32).astype(np.int64)


def requantize(acc: npt.ArrayLike, multiplier: npt.ArrayLike, exponent: npt.ArrayLike) -> Int64Array:
    """acc * multiplier * 2^(exponent - 31), rounded twice; arguments broadcast.

    First the accumulator, shifted left where exponent > 0, is taken modulo 2^32, as int32 arithmetic leaves it; then
    comes the rounding doubling high product (halves towards plus infinity), then the division by a power of two
    (halves away from zero).
    """
    value = np.asarray(acc, dtype=np.int64)
    factor = np.asarray(multiplier, dtype=np.int64)
    shift = np.asarray(exponent, dtype=np.int64)
    shifted = wrap_int32(value << np.maximum(shift, 0))
    high = (shifted * factor + (1 << 30)) >> 31
    return divide_by_power_of_two(high, np.maximum(-shift, 0))


def divide_by_power_of_two(values: Int64Array, exponent: npt.ArrayLike) -> Int64Array:
    """values / 2^exponent, halves away from zero; 0 <= exponent <= 31."""
    power = np.asarray(exponent, dtype=np.int64)
    mask = (np.int64(1) << power) - 1
    threshold = (mask >> 1) + (values < 0)
    result: Int64Array = (values >> power) + ((values & mask) > threshold)
    return result


def requantize_to_int8(
    acc: Int64Array, multiplier: npt.ArrayLike, exponent: npt.ArrayLike, zero_point: int, limits: tuple[int, int]
) -> npt.NDArray[np.int8]:
    """requantize, add the output's zero point, clamp."""
    scaled = wrap_int32(requantize(acc, multiplier, exponent) + zero_point)
    clamped: npt.NDArray[Any] = np.clip(scaled, *limits)
    return clamped.astype(np.int8)


def activation_range(activation: Activation, out: Tensor) -> tuple[int, int]:
    """The stored values that a fused activation allows in an int8 tensor; bounds are rounded in float32."""
    low, high = -128, 127

    def stored(real: float) -> int:
        return out.zero_point + round_half_away(float(np.float32(real) / np.float32(out.scale)))

    if activation in (Activation.RELU, Activation.RELU6):
        low = max(low, stored(0.0))
    if activation is Activation.RELU6:
        high = min(high, stored(6.0))
    if activation is Activation.RELU_N1_TO_1:
        low, high = max(low, stored(-1.0)), min(high, stored(1.0))
    return low, high


def convolution_factors(x: Tensor, weights: Tensor, out: Tensor, channels: int) -> tuple[float, ...]:
    """The real scaling factor of each output channel of a layer of products, in double precision."""
    quant = weights.quant
    if quant is None:
        raise ValueError(f"{weights.name}: expected scales")
    scales = quant.scale if quant.per_channel else quant.scale * channels
    x_scale, out_scale = x.scale, out.scale
    return tuple(x_scale * scale / out_scale for scale in scales)


def add_factors(a: Tensor, b: Tensor, out: Tensor) -> tuple[float, float, float]:
    """The real factors of an addition: of either input, shifted left by 20, and of their sum."""
    twice_max = 2.0 * max(a.scale, b.scale)
    return a.scale / twice_max, b.scale / twice_max, twice_max / ((1 << ADD_LEFT_SHIFT) * out.scale)
