"""TRANSPOSE: the dimensions of an int8 tensor in another order, up to rank 6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Graph, Op, Shape
from . import binary, layout, rules
from .attributes import Transpose
from .record import CValue, Kernel, OpRecord

MAX_RANK = 6  # ek_transpose_t has room for four dimensions before the last two


def _attrs(op: Op) -> Transpose:
    return cast(Transpose, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    shape = graph.operand(op, 0).shape
    return (tuple(shape[i] for i in _attrs(op).permutation),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, order = graph.operand(op, 0), graph.result(op), _attrs(op).permutation
    rules.require_int8(graph, op, x, out)
    if sorted(order) != list(range(len(x.shape))):
        raise rules.illegal(graph, op, f"{list(order)} is not an order of the dimensions of {rules.show(x)}")
    layout.require_rank(graph, op, x, MAX_RANK)
    layout.require_same_quant(graph, op, x, out)


def describe(graph: Graph, op: Op) -> str:
    return "by " + ", ".join(str(i) for i in _attrs(op).permutation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    """The steps through the input that one index of each output dimension takes."""
    out = graph.result(op)
    strides = layout.strides(graph.operand(op, 0).shape)
    steps = tuple(strides[i] for i in _attrs(op).permutation)
    _, pixel, channel = layout.last_three(steps, 0)
    return {
        "dims": max(len(out.shape) - 2, 0),
        "size": layout.leading(out.shape, 1),
        "step": layout.leading(steps, 0),
        "channels": out.hwc[2],
        "pixel_step": pixel,
        "channel_step": channel,
    }


RECORD = OpRecord(
    kind="transpose",
    attrs=Transpose,
    activations=1,
    infer=infer,
    check=check,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=describe,
    kernel=Kernel("transpose.h", "ek_transpose_row", "ek_transpose_t", params),
    limits=(f"at most {MAX_RANK} dimensions", binary.ALIKE),
)
