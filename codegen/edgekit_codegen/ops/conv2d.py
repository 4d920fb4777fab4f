"""CONV_2D: a convolution of int8 images, dense or in groups, with per-tensor or per-channel weights."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import convolution, linear, rules
from .attributes import Conv2D
from .record import CValue, Kernel, OpRecord


def check(graph: Graph, op: Op) -> None:
    convolution.check_tensors(graph, op, "[out, rows, pixels, in]")
    x, weights = graph.operand(op, 0), graph.operand(op, 1)
    depth = weights.shape[3]
    if x.shape[3] % depth or weights.shape[0] % (x.shape[3] // depth):
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} do not match the channels of {rules.show(x)}")
    convolution.check_window(graph, op)


def groups(graph: Graph, op: Op) -> int:
    return graph.operand(op, 0).shape[3] // graph.operand(op, 1).shape[3]


def describe(graph: Graph, op: Op) -> str:
    text = convolution.window_text(graph, op)
    if groups(graph, op) > 1:
        text += f" in {groups(graph, op)} groups"
    return text + linear.activation_text(convolution.attrs(op).activation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out = graph.operand(op, 0), graph.result(op)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_c": out.shape[3],
        "group": convolution.group(graph, op),
        **convolution.params(graph, op),
    }


RECORD = OpRecord(
    kind="conv2d",
    attrs=Conv2D,
    activations=1,
    infer=convolution.infer,
    check=check,
    access=convolution.access,
    input_boxes=convolution.input_boxes,
    macs=convolution.macs,
    describe=describe,
    kernel=Kernel("conv2d.h", "ek_conv2d_row", "ek_conv2d_t", params, convolution.packed, convolution.requant),
)
