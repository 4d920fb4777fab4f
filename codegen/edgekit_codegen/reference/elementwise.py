"""Parameters of element-wise operators, as TensorFlow Lite Micro derives them; records and reference functions share
them."""

from __future__ import annotations

import math

from ..ir.types import Tensor
from .arithmetic import quantize_multiplier

SIGMOID_INTEGER_BITS = 4  # of the argument of logistic and tanh: Q4.27
SQUARED_LEFT_SHIFT = 7  # of the inputs of a squared difference
RSQRT_SHIFT = 20  # fraction bits of 1 / sqrt(stored value)
HIRES_SHIFT = 7  # fraction bits of a stored value in hard swish
RELUISH_SCALE = 3.0 / 32768.0  # what makes -3 .. 3 an int16


def mul_factor(a: Tensor, b: Tensor, out: Tensor) -> float:
    """The real factor of the product of two centred values."""
    return a.scale * b.scale / out.scale


def squared_difference_factors(a: Tensor, b: Tensor, out: Tensor) -> tuple[float, float, float]:
    """The real factors of either input, shifted left by SQUARED_LEFT_SHIFT, and of the square of their difference."""
    twice_max = 2.0 * max(a.scale, b.scale)
    square = (twice_max * twice_max) / ((1 << 2 * SQUARED_LEFT_SHIFT) * out.scale)
    return a.scale / twice_max, b.scale / twice_max, square


def leaky_relu_factors(x: Tensor, out: Tensor, alpha: float) -> tuple[float, float]:
    """The real factors of elements from zero on, and of those below; the latter has alpha's sign."""
    return x.scale / out.scale, x.scale * alpha / out.scale


def rsqrt_factor(x: Tensor, out: Tensor) -> float:
    """The real factor of 1 / sqrt(stored value)."""
    return 1.0 / (math.sqrt(x.scale) * out.scale)


def sigmoid_scaling(x: Tensor) -> tuple[int, int, int]:
    """(M, e, radius) of logistic and tanh: a centred value times M * 2^(e - 31) is the argument in Q4.27, and one of
    that radius saturates. Needs x.scale at least 2^-28."""
    multiplier, exponent = quantize_multiplier(x.scale * (1 << (31 - SIGMOID_INTEGER_BITS)))
    span = ((1 << SIGMOID_INTEGER_BITS) - 1) << (31 - SIGMOID_INTEGER_BITS)
    return multiplier, exponent, span >> exponent


def hard_swish_scaling(x: Tensor, out: Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
    """(M, e) of the output and of the factor that clamps: M in 16 bits, both of a value with HIRES_SHIFT fraction
    bits."""
    hires = x.scale / (1 << HIRES_SHIFT)
    return _in_16_bits(hires / out.scale), _in_16_bits(hires / RELUISH_SCALE)


def _in_16_bits(factor: float) -> tuple[int, int]:
    multiplier, exponent = quantize_multiplier(factor)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), exponent
