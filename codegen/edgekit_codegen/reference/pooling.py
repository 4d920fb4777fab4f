"""What average and max pool share: the elements of an image that each tap of a window reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from ..ops.attributes import Pool2D
from .convolution import Array, tap


def taps(graph: Graph, op: Op, image: Array, fill: int) -> Iterator[npt.NDArray[np.int64]]:
    """For each tap of the window what every output reads, as int64; `fill` where that is padding."""
    a = cast(Pool2D, op.attrs)
    rows, pixels = (a.padding.top, a.padding.bottom), (a.padding.left, a.padding.right)
    padded = np.pad(image.astype(np.int64), ((0, 0), rows, pixels, (0, 0)), constant_values=fill)
    _, height, width, _ = graph.result(op).shape
    for ky in range(a.kernel[0]):
        for kx in range(a.kernel[1]):
            yield tap(padded, ky, kx, (height, width), a.stride, (1, 1))
