"""DEPTHWISE_CONV_2D: every channel of an int8 image convolved alone, with `multiplier` outputs per channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from ..reference.arithmetic import activation_range, convolution_factors
from . import linear, rules
from .attributes import DepthwiseConv2D, Padding
from .record import CValue, Kernel, OpRecord, Requant, Window


def _attrs(op: Op) -> DepthwiseConv2D:
    return cast(DepthwiseConv2D, op.attrs)


def _kernel(graph: Graph, op: Op) -> tuple[int, int]:
    _, rows, pixels, _ = graph.operand(op, 1).shape
    return rows, pixels


def _bias(graph: Graph, op: Op) -> Tensor | None:
    return graph.operands(op)[2]


def _matrix(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    """The weights as [out, rows * pixels]."""
    weights = graph.operand(op, 1)
    assert weights.data is not None
    return np.ascontiguousarray(weights.data.reshape(-1, weights.shape[3]).T)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    a, image = _attrs(op), graph.operand(op, 0).shape
    rows, pixels = rules.window_shape(graph, op, image, _kernel(graph, op), a.stride, a.dilation, a.padding)
    return ((image[0], rows, pixels, graph.operand(op, 1).shape[3]),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=3, required=2)
    a = _attrs(op)
    x, weights, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_image(graph, op, x, out)
    rules.require_weights(graph, op, weights, axis=3)
    if len(weights.shape) != 4 or weights.shape[0] != 1:
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} are not [1, rows, pixels, out]")
    if a.multiplier < 1 or weights.shape[3] != x.shape[3] * a.multiplier:
        raise rules.illegal(
            graph,
            op,
            f"weights {rules.show(weights)} are not {a.multiplier} per channel of {rules.show(x)}",
        )
    rules.require_bias(graph, op, _bias(graph, op), weights.shape[3])
    rules.require_window(graph, op, a.stride, a.dilation, a.padding)
    rules.require_scalable(graph, op, *convolution_factors(x, weights, out, weights.shape[3]))


def access(graph: Graph, op: Op) -> Window:
    a = _attrs(op)
    return rules.window(graph, op, _kernel(graph, op)[0], a.stride[0], a.dilation[0], a.padding.top)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    a = _attrs(op)
    channels = (box.c0 // a.multiplier, -(-box.c1 // a.multiplier))
    return (rules.window_box(graph, op, box, channels, _kernel(graph, op), a.stride, a.dilation, a.padding),)


def macs(graph: Graph, op: Op) -> int:
    """Every tap counts, padding included."""
    rows, pixels = _kernel(graph, op)
    return graph.result(op).elements * rows * pixels


def describe(graph: Graph, op: Op) -> str:
    a = _attrs(op)
    text = linear.window_text(_kernel(graph, op), a.stride, a.dilation)
    if a.multiplier > 1:
        text += f" x{a.multiplier}"
    return text + linear.activation_text(a.activation)


def _folds(op: Op) -> bool:
    """Without padding the input's zero point moves into the bias."""
    return _attrs(op).padding == Padding()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a = _attrs(op)
    x, out = graph.operand(op, 0), graph.result(op)
    low, high = activation_range(a.activation, out)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "multiplier": a.multiplier,
        "kernel": _kernel(graph, op),
        "stride": a.stride,
        "dilation": a.dilation,
        "pad": (a.padding.top, a.padding.left),
        "in_zero": 0 if _folds(op) else x.zero_point,
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    """[out, rows * pixels]; with one output per channel, groups of outputs are interleaved as in a convolution."""
    matrix = _matrix(graph, op)
    return linear.pack(matrix) if _attrs(op).multiplier == 1 else matrix.reshape(-1)


def requant(graph: Graph, op: Op) -> Requant:
    x, w, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    folded = x.zero_point if _folds(op) else 0
    return linear.epilogue(_bias(graph, op), _matrix(graph, op), folded, convolution_factors(x, w, out, w.shape[3]))


RECORD = OpRecord(
    kind="depthwise_conv2d",
    attrs=DepthwiseConv2D,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    macs=macs,
    describe=describe,
    kernel=Kernel("depthwise_conv2d.h", "ek_depthwise_conv2d_row", "ek_depthwise_conv2d_t", params, weights, requant),
)
