"""DEPTHWISE_CONV_2D: every channel of int8 images convolved alone, with `multiplier` outputs per channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy.typing as npt

from ..ir.types import Graph, Op
from . import convolution, linear, rules
from .attributes import DepthwiseConv2D
from .record import CValue, Kernel, OpRecord


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
    }


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    """[out, rows * pixels]; with one output per channel, groups of outputs are interleaved as in a convolution."""
    matrix = convolution.matrix(graph, op)
    return linear.pack(matrix) if _multiplier(op) == 1 else matrix.reshape(-1)


RECORD = OpRecord(
    kind="depthwise_conv2d",
    attrs=DepthwiseConv2D,
    activations=1,
    infer=convolution.infer,
    check=check,
    access=convolution.access,
    input_boxes=convolution.input_boxes,
    macs=convolution.macs,
    describe=describe,
    kernel=Kernel(
        "depthwise_conv2d.h",
        "ek_depthwise_conv2d_row",
        "ek_depthwise_conv2d_t",
        params,
        weights,
        convolution.requant,
    ),
)
