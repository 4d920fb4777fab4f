"""What LOGISTIC and TANH share: stored values as arguments in Q4.27, and where both saturate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir.types import Tensor
from .arithmetic import Int64Array, requantize
from .convolution import Array
from .elementwise import sigmoid_scaling


def sigmoid(values: Array, x: Tensor, function: Callable[[Int64Array], Int64Array]) -> Array:
    """function of the argument in Q4.27, in steps of the output and clamped to int8.

    Values from the radius on are -128 or 127, whatever the function says.
    """
    multiplier, exponent, radius = sigmoid_scaling(x)
    centred = values.astype(np.int64) - x.zero_point
    inside = np.abs(centred) < radius
    result = np.clip(function(requantize(np.where(inside, centred, 0), multiplier, exponent)), -128, 127)
    result = np.where(centred <= -radius, -128, np.where(inside, result, 127))
    return result.astype(np.int8)
