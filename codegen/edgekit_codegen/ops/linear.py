"""What convolutions and fully connected layers share: the epilogue's constants and the order of packed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Activation, Tensor
from ..reference.arithmetic import quantize_multipliers, wrap_int32
from .record import Requant

TILE = 4  # output channels that the kernels compute at once; EK_TILE in c/kernels/ek_dot.h


def epilogue(bias: Tensor | None, matrix: npt.NDArray[Any], zero_point: int, factors: Sequence[float]) -> Requant:
    """The epilogue of every output channel, with the input's zero point folded into the bias.

    bias        int32, or None for zeros; taken modulo 2^32, as accumulators are
    matrix      the weights as [out, taps]
    zero_point  what the kernel does not subtract itself: sum(x * w) + folded bias = sum((x - zero_point) * w) + bias;
                only valid where every tap is read for every output, that is without padding
    factors     input scale * weight scale / output scale, per output channel
    """
    plain = np.zeros(len(matrix), np.int64) if bias is None or bias.data is None else bias.data.reshape(-1)
    folded = plain.astype(np.int64) - zero_point * matrix.astype(np.int64).sum(axis=1)
    multiplier, shift = quantize_multipliers(factors)
    return Requant(
        bias=wrap_int32(folded).astype(np.int32),
        multiplier=multiplier.astype(np.int32),
        shift=shift.astype(np.int32),
    )


def pack(matrix: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """[out, taps] -> flat: groups of TILE outputs with their weights interleaved, then the remaining outputs in rows.

    Output channel o, or the group that starts with it, begins at o * taps either way.
    """
    full = matrix.shape[0] // TILE * TILE
    groups = matrix[:full].reshape(-1, TILE, matrix.shape[1]).transpose(0, 2, 1)
    return np.concatenate([groups.reshape(-1), matrix[full:].reshape(-1)])


def window_text(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> str:
    """A window for people: 3x3, 3x3/2, 3x3/2x1, with dilation 3x3 d2x2."""
    text = f"{kernel[0]}x{kernel[1]}"
    if stride != (1, 1):
        text += f"/{stride[0]}" if stride[0] == stride[1] else f"/{stride[0]}x{stride[1]}"
    if dilation != (1, 1):
        text += f" d{dilation[0]}x{dilation[1]}"
    return text


def activation_text(activation: Activation) -> str:
    """The fused activation for people, with a leading blank; nothing where there is none."""
    return "" if activation is Activation.NONE else f" {activation.value}"
