"""What the convolutions share: padded images and the windows over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Tensor
from ..ops.attributes import Padding, Pair

Array = npt.NDArray[Any]


def centred(x: Array, tensor: Tensor, padding: Padding) -> npt.NDArray[np.int32]:
    """The image less its zero point with zeros around it: padding is the zero point, so it contributes nothing."""
    rows, pixels = (padding.top, padding.bottom), (padding.left, padding.right)
    return np.pad(x.astype(np.int32) - tensor.zero_point, ((0, 0), rows, pixels, (0, 0)))


def tap(image: Array, ky: int, kx: int, size: Pair, stride: Pair, dilation: Pair) -> Array:
    """What tap (ky, kx) of a window reads for each of size = (rows, pixels) outputs."""
    y, x = ky * dilation[0], kx * dilation[1]
    rows = slice(y, y + (size[0] - 1) * stride[0] + 1, stride[0])
    pixels = slice(x, x + (size[1] - 1) * stride[1] + 1, stride[1])
    view: Array = image[:, rows, pixels, :]
    return view


def with_bias(acc: Array, bias: Array | None) -> npt.NDArray[np.int64]:
    """The accumulator plus the bias, if any, as int64: requantizing takes it modulo 2^32."""
    wide = acc.astype(np.int64)
    return wide if bias is None else wide + bias.reshape(-1)
