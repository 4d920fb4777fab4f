"""Proofs that a layer's sums stay in a range for which kernels have a shorter way: c/kernels/ek_dsp.h, ek_pairs.h."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .linear import TILE
from .record import Requant

_SUM = 1 << 30
_ROUNDING = 1 << 30
_ODD = 1 << 23


def sums(bias: npt.NDArray[Any], matrix: npt.NDArray[Any], zero_point: int) -> npt.NDArray[np.int64]:
    """The largest size that the sum of each output can have, whichever taps are padding; [out].

    bias        as the model has it, [out]
    matrix      the weights, [out, taps]
    zero_point  of the input
    """
    weights = matrix.astype(np.int64)
    ends = weights * (-128 - zero_point), weights * (127 - zero_point)
    high = bias + np.maximum(np.maximum(*ends), 0).sum(axis=1)
    low = bias + np.minimum(np.minimum(*ends), 0).sum(axis=1)
    largest: npt.NDArray[np.int64] = np.maximum(np.abs(high), np.abs(low))
    return largest


def finishes(largest: npt.NDArray[np.int64], requant: Requant, zero: int) -> bool:
    """Whether ek_finish_narrow equals ek_finish for sums up to that size. zero: the output's zero point."""
    right = -requant.shift.astype(np.int64)
    if not (right >= 1).all() or not (largest < _SUM).all():
        return False
    return bool((abs(2 * zero + 1) << (right - 1) <= _ROUNDING).all())


def epilogue(requant: Requant, zero: int) -> Requant:
    """What ek_finish_narrow takes: the rounding and the zero point in place of the bias, and the shift to the right."""
    right = -requant.shift
    return Requant(((2 * zero + 1) << (right - 1)).astype(np.int32), requant.multiplier, right)


def tiles(count: int) -> list[slice]:
    """The output channels of each tile of ek_pairs.h, two and two of them in pairs; the last tile is the last channels,
    some of which the tile before may have too."""
    if count < TILE:
        return [slice(0, TILE if count > 2 else 2)]
    return [slice(begin, begin + TILE) for begin in (min(n, count - TILE) for n in range(0, count, TILE))]


def pairs(largest: npt.NDArray[np.int64], matrix: npt.NDArray[np.int8]) -> bool:
    """Whether the outputs can be computed in pairs: h = 256 * odd + even fits int16, the odd sums fit 24 bits."""
    return all(_fit(largest[tile], matrix[tile].astype(np.int64)) for tile in tiles(len(matrix)))


def _fit(largest: npt.NDArray[np.int64], matrix: npt.NDArray[np.int64]) -> bool:
    return bool((largest[1::2] < _ODD).all() and (np.abs(paired(matrix) * 2 + 1) < 1 << 16).all())


def paired(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[out, ...] -> [ceil(out / 2), ...]: 256 * odd + even, modulo the element type's range; a last even one alone."""
    both = matrix[0::2].copy()
    both[: len(matrix) // 2] += matrix[1::2] * 256
    return both
