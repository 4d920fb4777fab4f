"""QUANTIZE, bit-exact: float32 divided by the scale in single precision and rounded half away from zero, or int8
requantized.

Values beyond int32 saturate and NaN becomes the zero point; TensorFlow Lite Micro leaves both to the processor.
"""

from __future__ import annotations

import numpy as np

from ..ir.types import DType, Graph, Op
from .arithmetic import quantize_multiplier, requantize_to_int8
from .convolution import Array
from .scaling import requantize_factor

BEYOND = 256.0  # further from 0 than any int8 is from any zero point


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    x, out = graph.operand(op, 0), graph.result(op)
    if x.dtype is not DType.FLOAT32:
        factor = quantize_multiplier(requantize_factor(x, out))
        centred = values.astype(np.int64) - x.zero_point
        return (requantize_to_int8(centred, *factor, out.zero_point, (-128, 127)),)
    with np.errstate(over="ignore", under="ignore"):
        steps = (values / np.float32(out.scale)).astype(np.float64)
    steps = np.clip(np.nan_to_num(steps, nan=0.0, posinf=BEYOND, neginf=-BEYOND), -BEYOND, BEYOND)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps).astype(np.int64)
    return (np.clip(rounded + out.zero_point, -128, 127).astype(np.int8),)
