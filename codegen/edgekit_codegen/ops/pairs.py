"""The order of weights and biases in c/kernels/ek_pairs.h: two output channels in a number of 16 bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..reference.arithmetic import wrap_int32
from . import linear, narrow
from .record import Requant

BLOCK = 4  # EK_BLOCK
RUNS = 8  # EK_RUNS


def runs(count: int, length: int) -> int:
    """How many runs the kernel makes of `count` times `length` inputs; more than RUNS where it cannot."""
    return count if length % BLOCK == 0 else 2 * count if length >= BLOCK else RUNS + 1


def epilogue(requant: Requant, zero: int) -> Requant:
    """What ek_finish_narrow takes, of a whole tile at least: compilers see the kernel reach for all of its channels."""
    short = narrow.epilogue(requant, zero)
    missing = max(linear.TILE - len(short.bias), 0)
    return Requant(*(np.pad(values, (0, missing)) for values in (short.bias, short.multiplier, short.shift)))


def pack(weights: npt.NDArray[np.int8], biases: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int8]:
    """The layer's tiles, one after the other.

    weights  [out, runs, length]: where blocks do not fill a run, its last BLOCK inputs are a block of their own, in
             which those that an earlier block has are zero
    biases   [out] each, in the order in which they stand
    """
    blocks = _blocks(weights)
    return np.concatenate(
        [
            part
            for tile in narrow.tiles(len(blocks))
            for part in _tile(blocks[tile], [bias[tile] for bias in biases], tile)
        ]
    )


def _blocks(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """[out, runs, length] -> [out, blocks, BLOCK]."""
    out, count, length = weights.shape
    whole, rest = length - length % BLOCK, length % BLOCK
    last = np.zeros((out, count, BLOCK if rest else 0), np.int8)
    last[:, :, BLOCK - rest :] = weights[:, :, whole:] if rest else 0
    return np.concatenate([weights[:, :, :whole], last], axis=2).reshape(out, -1, BLOCK)


def _tile(
    blocks: npt.NDArray[np.int8], biases: Sequence[npt.NDArray[Any]], tile: slice
) -> Iterator[npt.NDArray[np.int8]]:
    """The bytes of a tile. Channels that the layer does not have are zero."""
    size = tile.stop - tile.start
    for bias in biases:
        filled = np.zeros(size, np.int64)
        filled[: len(bias)] = bias
        filled[1::2] = narrow.paired(filled)
        yield wrap_int32(filled).astype("<i4").view(np.int8)
    wide = np.zeros((size, *blocks.shape[1:]), np.int64)
    wide[: len(blocks)] = blocks
    h = narrow.paired(wide).astype("<i2")  # [pairs, blocks, 4]
    words = h.reshape(size // 2, -1, 2, 2).transpose(1, 3, 0, 2)  # [blocks, even or odd input, pairs, lanes]
    yield np.ascontiguousarray(words).reshape(-1).view(np.int8)
