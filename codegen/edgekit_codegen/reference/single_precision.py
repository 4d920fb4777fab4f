"""Functions that TensorFlow Lite evaluates in single precision, once per int8 value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..ir.types import Tensor
from .convolution import Array

Float32Array = npt.NDArray[np.float32]


def quantized(values: Array, x: Tensor, out: Tensor, function: Callable[[Float32Array], Float32Array]) -> Array:
    """function of the real values, quantized: every step is rounded to single precision, halves away from zero."""
    real = np.float32(x.scale) * (values.astype(np.float32) - np.float32(x.zero_point))
    steps = (function(real) * (np.float32(1.0) / np.float32(out.scale))).astype(np.float64)
    nearest = np.copysign(np.floor(np.abs(steps) + 0.5), steps)
    clamped: Array = np.clip(nearest + out.zero_point, -128, 127)
    return clamped.astype(np.int8)


def rounded(function: Callable[[float], float], values: Float32Array) -> Float32Array:
    """A function of double precision, rounded to single: what a mathematical library's single precision one gives
    wherever it is correctly rounded."""
    flat = [function(float(v)) for v in values.reshape(-1)]
    return np.array(flat, np.float64).astype(np.float32).reshape(values.shape)
