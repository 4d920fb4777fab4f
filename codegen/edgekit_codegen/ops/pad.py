"""PAD: the output's zero point around an int8 tensor, along rows, pixels and channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import layout, rules
from .attributes import Pad, Pair
from .record import CValue, Kernel, OpRecord, Window


def _attrs(op: Op) -> Pad:
    return cast(Pad, op.attrs)


def _amounts(op: Op) -> tuple[Pair, Pair, Pair]:
    """(before, after) of rows, pixels and channels."""
    padded = ((0, 0), (0, 0), (0, 0), *_attrs(op).amounts)
    return padded[-3], padded[-2], padded[-1]


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    shape, amounts = graph.operand(op, 0).shape, _attrs(op).amounts
    return (tuple(before + size + after for size, (before, after) in zip(shape, amounts, strict=True)),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, amounts = graph.operand(op, 0), graph.result(op), _attrs(op).amounts
    rules.require_int8(graph, op, x, out)
    if len(amounts) != len(x.shape) or any(min(pair) < 0 for pair in amounts):
        raise rules.illegal(
            graph, op, f"amounts {[list(p) for p in amounts]} are not two per dimension of {rules.show(x)}, 0 or more"
        )
    if len(x.shape) == 4 and amounts[0] != (0, 0):
        raise rules.unsupported(
            graph, op, f"pads the batch of {rules.show(x)}", "pad rows, pixels and channels only; the batch stays 1"
        )
    layout.require_same_quant(graph, op, x, out)


def access(graph: Graph, op: Op) -> Window:
    return Window(kernel=1, stride=1, dilation=1, pad=_amounts(op)[0][0])


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    (top, _), (left, _), (before, _) = _amounts(op)
    return (Box(box.y0 - top, box.y1 - top, box.x0 - left, box.x1 - left, box.c0 - before, box.c1 - before),)


def describe(graph: Graph, op: Op) -> str:
    names = ("rows", "pixels", "channels")
    parts = [f"{name} {b}+{a}" for name, (b, a) in zip(names, _amounts(op), strict=True) if b or a]
    return ", ".join(parts) or "by nothing"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    rows, (left, _), channels = _amounts(op)
    x = graph.operand(op, 0)
    return {
        "in_w": x.hwc[1],
        "in_c": x.hwc[2],
        "rows": sum(rows),
        "left": left,
        "channels": channels,
        "value": graph.result(op).zero_point,
    }


RECORD = OpRecord(
    kind="pad",
    attrs=Pad,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=describe,
    kernel=Kernel("pad.h", "ek_pad_row", "ek_pad_t", params),
)
