"""PAD and PADV2: a constant around an int8 tensor, along one dimension of rows, pixels and channels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import binary, layout, rules
from .attributes import MirrorPad, Pad, Pair
from .record import CValue, Kernel, OpRecord, Window


def _attrs(op: Op) -> Pad:
    return cast(Pad, op.attrs)


def _within_row(op: Op) -> tuple[Pair, Pair]:
    """(before, after) of pixels and channels."""
    padded = ((0, 0), (0, 0), *_attrs(op).amounts)
    return padded[-2], padded[-1]


def _leading(op: Op) -> list[int]:
    """The padded dimensions before the last two."""
    return [i for i, pair in enumerate(_attrs(op).amounts[:-2]) if any(pair)]


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    """Of pad and mirror_pad."""
    shape, amounts = graph.operand(op, 0).shape, cast(Pad | MirrorPad, op.attrs).amounts
    return (tuple(before + size + after for size, (before, after) in zip(shape, amounts, strict=True)),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, amounts = graph.operand(op, 0), graph.result(op), _attrs(op).amounts
    rules.require_int8(graph, op, x, out)
    require_amounts(graph, op, amounts)
    if len(_leading(op)) > 1:
        raise rules.illegal(graph, op, "pads two dimensions before the last two", "pad them one after the other")
    value = _attrs(op).value
    if value is not None and not -128 <= value <= 127:
        raise rules.illegal(graph, op, f"pads with {value}, which is no int8")
    layout.require_same_quant(graph, op, x, out)


def require_amounts(graph: Graph, op: Op, amounts: tuple[Pair, ...]) -> None:
    """Two per dimension, none negative."""
    x = graph.operand(op, 0)
    if len(amounts) != len(x.shape) or any(min(pair) < 0 for pair in amounts):
        raise rules.illegal(
            graph, op, f"amounts {[list(p) for p in amounts]} are not two per dimension of {rules.show(x)}, 0 or more"
        )


def access(graph: Graph, op: Op) -> Window:
    """What one index of the padded dimension spans is an image of the window."""
    x, out, leading = graph.operand(op, 0).shape, graph.result(op).shape, _leading(op)
    if not leading:
        return Window(kernel=1, stride=1, dilation=1, pad=0)
    (axis,) = leading
    inner, count = math.prod(x[axis + 1 : -2]), math.prod(x[:axis])
    images = None if count == 1 else (count, x[axis] * inner, out[axis] * inner)
    return Window(kernel=1, stride=1, dilation=1, pad=_attrs(op).amounts[axis][0] * inner, images=images)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    (left, _), (before, _) = _within_row(op)
    rows = rules.rows_of(access(graph, op), box.y0, box.y1)
    return (Box(*rows, box.x0 - left, box.x1 - left, box.c0 - before, box.c1 - before),)


def describe(graph: Graph, op: Op) -> str:
    a = _attrs(op)
    return words(a.amounts) + ("" if a.value is None else f", with {a.value}")


def words(amounts: tuple[Pair, ...]) -> str:
    """The amounts for people."""
    names = ("batch",) * (len(amounts) - 3) + ("rows", "pixels", "channels")[-len(amounts) :]
    parts = [
        f"{name} {before}+{after}" for name, (before, after) in zip(names, amounts, strict=True) if before or after
    ]
    return ", ".join(parts) or "by nothing"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    (left, _), channels = _within_row(op)
    x, value = graph.operand(op, 0), _attrs(op).value
    return {
        "in_w": x.hwc[1],
        "in_c": x.hwc[2],
        "rows": sum(_attrs(op).amounts[i][j] for i in _leading(op) for j in (0, 1)),
        "left": left,
        "channels": channels,
        "value": graph.result(op).zero_point if value is None else value,
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
    limits=(binary.ALIKE,),
)
