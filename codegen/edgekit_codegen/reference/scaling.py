"""Fixed-point parameters that records and reference functions share, as TensorFlow Lite Micro derives them."""

from __future__ import annotations

from ..ir.types import Tensor
from .arithmetic import quantize_multiplier

SOFTMAX_INTEGER_BITS = 5  # of the exponential's argument: Q5.26
SOFTMAX_SUM_BITS = 12  # integer bits of the sum of exponentials: Q12.19


def requantize_factor(x: Tensor, out: Tensor) -> float:
    """The real factor from one scale to another, divided in double precision."""
    return x.scale / out.scale


def mean_multiplier(x: Tensor, out: Tensor, count: int) -> tuple[int, int]:
    """(M, e) of the mean over `count` elements: scale ratio and 1 / count in one multiplier, truncated."""
    multiplier, exponent = quantize_multiplier(requantize_factor(x, out))
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    return (multiplier << shift) // count, exponent - shift


def log_softmax_reverse(x: Tensor) -> tuple[int, int]:
    """(M, e) of the way back from Q5.26 to steps of the input, as log_softmax bounds its differences."""
    multiplier, exponent, _ = softmax_scaling(x, 1.0)
    return quantize_multiplier((1 << (31 - exponent)) / multiplier)


def softmax_real_multiplier(x: Tensor, beta: float) -> float:
    """What one step of the input is worth in Q5.26, before it is capped."""
    return beta * x.scale * float(1 << (31 - SOFTMAX_INTEGER_BITS))


def softmax_scaling(x: Tensor, beta: float) -> tuple[int, int, int]:
    """(M, e, lowest difference from the maximum that still counts). Needs softmax_real_multiplier above 1."""
    multiplier, exponent = quantize_multiplier(min(softmax_real_multiplier(x, beta), 2.0**31 - 1.0))
    span = (1 << SOFTMAX_INTEGER_BITS) - 1
    return multiplier, exponent, -((span << (31 - SOFTMAX_INTEGER_BITS)) >> exponent)
