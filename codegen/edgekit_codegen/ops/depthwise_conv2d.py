"""DEPTHWISE_CONV_2D: every channel of int8 images convolved alone, with `multiplier` outputs per channel."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from . import convolution, linear, narrow, rules
from .attributes import DepthwiseConv2D
from .record import CValue, Kernel, OpRecord, Planar, Requant


def _multiplier(op: Op) -> int:
    return cast(DepthwiseConv2D, op.attrs).multiplier


def check(graph: Graph, op: Op) -> None:
    convolution.check_tensors(graph, op, "[1, rows, pixels, out]")
    x, weights = graph.operand(op, 0), graph.operand(op, 1)
    if weights.shape[0] != 1:
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} are not [1, rows, pixels, out]")
    if _multiplier(op) < 1 or weights.shape[3] != x.shape[3] * _multiplier(op):
        raise rules.illegal(
            graph,
            op,
            f"weights {rules.show(weights)} are not {_multiplier(op)} per channel of {rules.show(x)}",
        )
    convolution.check_window(graph, op)


def describe(graph: Graph, op: Op) -> str:
    text = convolution.window_text(graph, op)
    if _multiplier(op) > 1:
        text += f" x{_multiplier(op)}"
    return text + linear.activation_text(convolution.attrs(op).activation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x = graph.operand(op, 0)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "multiplier": _multiplier(op),
        **convolution.params(graph, op),
        "form": int(form(graph, op)),
    }


class Form(IntEnum):
    """How the kernel finds weights and epilogues: the EK_DEPTHWISE_ constants of c/kernels/depthwise_conv2d.h."""

    PLAIN = 0
    TILES = 1
    COLUMNS = 2


def form(graph: Graph, op: Op) -> Form:
    """The fastest that computes the layer exactly, whatever its input."""
    zero = graph.result(op).zero_point
    exact = narrow.finishes(convolution.largest(graph, op), convolution.requant(graph, op), zero)
    if _multiplier(op) > 1 or not exact:
        return Form.PLAIN
    if _slides(graph, op):
        return Form.COLUMNS
    return Form.TILES if graph.operand(op, 0).shape[3] >= linear.TILE else Form.PLAIN


def _slides(graph: Graph, op: Op) -> bool:
    """Whether c/kernels/ek_columns.h knows the window, its padding, and the range of the output."""
    a, x, out = convolution.attrs(op), graph.operand(op, 0), graph.result(op)
    clamp = convolution.epilogue_params(graph, op)
    if convolution.kernel(graph, op) != (3, 3) or a.dilation != (1, 1) or (clamp["act_min"], clamp["act_max"]) != INT8:
        return False
    if a.stride[1] > 2:
        return False
    before = a.padding.top, a.padding.left
    behind = ((out.shape[i] - 1) * a.stride[i - 1] - before[i - 1] + 3 - x.shape[i] for i in (1, 2))
    return max(*before, *behind) <= 1


INT8 = (-128, 127)


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    """As the form has them."""
    matrix = convolution.matrix(graph, op)
    chosen = form(graph, op)
    if chosen is Form.COLUMNS:
        return _columns(graph, op)
    if chosen is Form.PLAIN:
        return linear.pack(matrix) if _multiplier(op) == 1 else matrix.reshape(-1)
    bias, last = convolution.requant(graph, op).bias.astype("<i4"), len(matrix) - linear.TILE
    tiles = [slice(c, c + linear.TILE) for c in (min(o, last) for o in range(0, len(matrix), linear.TILE))]
    return np.concatenate([a for t in tiles for a in (bias[t].view(np.int8), linear.pack(matrix[t]))])


def _columns(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    """The channels one after the other, as c/kernels/ek_columns.h says."""
    matrix, zero = convolution.matrix(graph, op), graph.operand(op, 0).zero_point
    folded = linear.epilogue(convolution.bias(graph, op), matrix, zero, convolution.factors(graph, op))
    finish = narrow.epilogue(folded, graph.result(op).zero_point)
    last = np.stack([finish.shift, matrix[:, 8]], axis=1).astype("<i2")
    numbers = np.stack([finish.multiplier, finish.bias, folded.bias], axis=1).astype("<i4")
    parts = matrix[:, [0, 1, 3, 4, 2, 6, 5, 7]], last.view(np.int8), numbers.view(np.int8)
    return np.concatenate(parts, axis=1).reshape(-1)


def requant(graph: Graph, op: Op) -> Requant | None:
    """None where the weights hold it."""
    plain = convolution.requant(graph, op)
    match form(graph, op):
        case Form.PLAIN:
            return plain
        case Form.TILES:
            return narrow.epilogue(plain, graph.result(op).zero_point)
        case Form.COLUMNS:
            return None


MOST_ROWS = 16
"""Rows of a window that overwrites its input: EK_TAPS_ROWS of c/kernels/ek_taps.h."""

PLANE = 1024
"""Bytes that the pixels of several channels may take; those of TILE channels may take more."""


def planar(graph: Graph, op: Op) -> Planar | None:
    """A row of output and the plane of some channels; see ek_depthwise_conv2d_planar."""
    x, out = graph.operand(op, 0), graph.result(op)
    alike = x.shape == out.shape and x.shape[0] == 1 and _multiplier(op) == 1
    if not alike or convolution.kernel(graph, op)[0] > MOST_ROWS:
        return None
    _, rows, pixels, channels = x.shape
    held = (rows + 1) * pixels
    count = next((n * linear.TILE for n in (4, 2) if held * n * linear.TILE <= PLANE), linear.TILE)
    rest = channels % count
    widest = channels if channels < count else count + (rest if rest < linear.TILE else 0)
    return Planar(count, -(-held * widest // 4) * 4)


RECORD = OpRecord(
    kind="depthwise_conv2d",
    attrs=DepthwiseConv2D,
    activations=1,
    infer=convolution.infer,
    check=check,
    access=convolution.access,
    input_boxes=convolution.input_boxes,
    macs=convolution.macs,
    planar=planar,
    describe=describe,
    kernel=Kernel(
        "depthwise_conv2d.h",
        "ek_depthwise_conv2d_row",
        "ek_depthwise_conv2d_t",
        params,
        weights,
        requant,
        planar="ek_depthwise_conv2d_planar",
    ),
)
