"""TRANSPOSE_CONV: every input pixel adds its window of weights to the output, `stride` apart.

Seen from the output, row y = i * stride - crop + tap of every input row i and tap: it reads the ceil(kernel / stride)
input rows up to floor((y + crop) / stride), each under the tap that is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import convolution, linear, rules
from .attributes import TransposeConv
from .record import CValue, Kernel, OpRecord, Window


def _attrs(op: Op) -> TransposeConv:
    return cast(TransposeConv, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    return ((graph.operand(op, 0).shape[0], *_attrs(op).size, graph.operand(op, 1).shape[0]),)


def check(graph: Graph, op: Op) -> None:
    convolution.check_tensors(graph, op, "[out, rows, pixels, in]")
    a, x, weights = _attrs(op), graph.operand(op, 0), graph.operand(op, 1)
    if x.shape[3] != weights.shape[3]:
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} do not match the channels of {rules.show(x)}")
    if min(*a.size, *a.stride) < 1 or min(a.crop) < 0:
        raise rules.illegal(graph, op, f"has size {a.size}, stride {a.stride} and crop {a.crop}")


def _window(kernel: int, stride: int, crop: int, images: tuple[int, int, int] | None = None) -> Window:
    reach = -(-kernel // stride)
    return Window(reach, 1, 1, (reach - 1) * stride - crop, images, up=stride)


def access(graph: Graph, op: Op) -> Window:
    a = _attrs(op)
    return _window(convolution.kernel(graph, op)[0], a.stride[0], a.crop[0], rules.images(graph, op))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    a = _attrs(op)
    rows = rules.rows_of(access(graph, op), box.y0, box.y1)
    pixels = _window(convolution.kernel(graph, op)[1], a.stride[1], a.crop[1])
    return (Box(*rows, *rules.rows_of(pixels, box.x0, box.x1), 0, graph.operand(op, 0).hwc[2]),)


def macs(graph: Graph, op: Op) -> int:
    """Every input element meets every weight of its channel, also where the sum lies outside the output."""
    return graph.operand(op, 0).elements * graph.operand(op, 1).elements // graph.operand(op, 0).shape[3]


def describe(graph: Graph, op: Op) -> str:
    a = _attrs(op)
    return linear.window_text(convolution.kernel(graph, op), a.stride, (1, 1)) + linear.activation_text(a.activation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x = _attrs(op), graph.operand(op, 0)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_c": graph.operand(op, 1).shape[0],
        "kernel": convolution.kernel(graph, op),
        "stride": a.stride,
        "crop": a.crop,
        **convolution.epilogue_params(graph, op),
    }


RECORD = OpRecord(
    kind="transpose_conv",
    attrs=TransposeConv,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    macs=macs,
    describe=describe,
    kernel=Kernel(
        "transpose_conv.h",
        "ek_transpose_conv_row",
        "ek_transpose_conv_t",
        params,
        convolution.packed,
        convolution.requant,
    ),
)
