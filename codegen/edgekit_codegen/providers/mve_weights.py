"""The order of epilogues and weights in c/kernels/ek_mve.h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..ops.record import Requant

LANES = 16  # EK_MVE_LANES
PIECE = 48  # EK_MVE_PIECE
BLOCK = 64  # EK_MVE_BLOCK
GROUP = 8  # EK_MVE_GROUP
WINDOW = 2 * PIECE  # EK_CONV2D_MVE_WINDOW
TAPS = 50  # EK_DEPTHWISE_MVE_TAPS


def pack(weights: npt.NDArray[np.int8], requant: Requant) -> npt.NDArray[np.int8]:
    """[out, runs, length] -> flat."""
    parts = [epilogues(requant)]
    for first in range(0, len(weights), BLOCK):
        block = weights[first : first + BLOCK]
        for run in range(weights.shape[1]):
            for at in range(0, weights.shape[2], PIECE):
                parts.append(block[:, run, at : at + PIECE].reshape(-1))
    return np.concatenate([*parts, np.zeros(LANES, np.int8)])


def epilogues(requant: Requant) -> npt.NDArray[np.int8]:
    """An ek_mve_epilogue_t of every GROUP channels. Channels that the layer does not have are zero."""
    numbers = np.stack([requant.bias, requant.multiplier, requant.shift]).astype("<i4")
    filled = np.pad(numbers, ((0, 0), (0, -numbers.shape[1] % GROUP)))
    order = filled.reshape(3, -1, GROUP // 2, 2).transpose(1, 0, 3, 2)  # [group, number, odd or even, 4]
    return np.ascontiguousarray(order).view(np.int8).reshape(-1)


def lanes(weights: npt.NDArray[np.int8], requant: Requant) -> npt.NDArray[np.int8]:
    """[channels, taps] -> flat, as c/kernels/depthwise_conv2d_mve.h says."""
    channels, taps = weights.shape
    last = max(channels - LANES, 0)
    blocks = [np.arange(LANES) + min(first, last) for first in range(0, channels, LANES)]
    filled = np.pad(weights, ((0, 0), (0, 1 - taps % 2)))
    parts = []
    for block in (b % channels for b in blocks):
        numbers = np.stack([requant.bias[block], requant.multiplier[block], requant.shift[block]]).astype("<i4")
        vectors = numbers.reshape(3, LANES // 4, 4)[:, :, [0, 2, 1, 3]].transpose(0, 2, 1)
        bias, *scaling = (np.ascontiguousarray(v).view(np.int8).reshape(-1) for v in vectors)
        parts += [bias, filled[block].T.reshape(-1), *scaling]
    return np.concatenate(parts)


def pairs_fit(weights: npt.NDArray[np.int8]) -> bool:
    """Whether the products of any two taps side by side, added, fit in 16 bits. weights: [channels, taps]."""
    sizes = np.abs(np.pad(weights.astype(np.int64), ((0, 0), (0, weights.shape[1] % 2))))
    return bool((128 * (sizes[:, 0::2] + sizes[:, 1::2]) < 1 << 15).all())
