"""Where the pixels of a resized image come from, along one dimension, as TensorFlow Lite Micro computes it."""

from __future__ import annotations

import numpy as np

from .arithmetic import Int64Array

FRACTION_BITS = 10  # of bilinear coordinates


def bilinear_step(size: int, out_size: int, align_corners: bool) -> int:
    """Input elements per output element, in 1/1024."""
    if align_corners and out_size > 1:
        size, out_size = size - 1, out_size - 1
    return ((size << FRACTION_BITS) + out_size // 2) // out_size


def bilinear_begin(step: int, half_pixel: bool) -> int:
    """The coordinate of output element 0, in 1/1024 of an input element."""
    return step // 2 - (1 << (FRACTION_BITS - 1)) if half_pixel else 0


def nearest(size: int, out_size: int, align_corners: bool, half_pixel: bool) -> Int64Array:
    """For every output element the input element that it repeats. The coordinates are single-precision products, whose
    rounding counts where they fall on an integer."""
    steps = (size - 1, out_size - 1) if align_corners and out_size > 1 else (size, out_size)
    scale = np.float32(steps[0]) / np.float32(steps[1])
    offset = np.float32(0.5 if half_pixel else 0.0)
    coordinates = ((np.arange(out_size, dtype=np.float32) + offset) * scale).astype(np.float64)
    rounded = np.floor(coordinates + 0.5) if align_corners else np.floor(coordinates)
    return np.minimum(rounded.astype(np.int64), size - 1)
