"""SLICE and STRIDED_SLICE: a part of an int8 tensor, with a step along every dimension, forwards or backwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import binary, layout, rules
from .attributes import Pair, StridedSlice
from .record import CValue, Kernel, OpRecord, RowMap, Rows


def _attrs(op: Op) -> StridedSlice:
    return cast(StridedSlice, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    return (_attrs(op).size,)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, a = graph.operand(op, 0), graph.result(op), _attrs(op)
    rules.require_int8(graph, op, x, out)
    if not len(a.begin) == len(a.size) == len(a.step) == len(x.shape):
        raise rules.illegal(graph, op, f"{a} does not say one begin, size and step per dimension of {rules.show(x)}")
    for axis, (size, *part) in enumerate(zip(x.shape, a.begin, a.size, a.step, strict=True)):
        begin, count, step = part
        if count < 1 or step == 0 or not 0 <= begin < size or not 0 <= begin + (count - 1) * step < size:
            raise rules.illegal(
                graph,
                op,
                f"dimension {axis} of {rules.show(x)} has no {count} elements from {begin} in steps of {step}",
            )
    layout.require_same_quant(graph, op, x, out)


def _row_map(graph: Graph, op: Op) -> RowMap | None:
    a, x = _attrs(op), graph.operand(op, 0)
    rows = layout.strides(x.shape[:-2])
    first = sum(begin * step for begin, step in zip(a.begin, rows, strict=False))
    steps = tuple(step * stride for step, stride in zip(a.step, rows, strict=False))
    return layout.row_map(a.size, steps, first)


def _within_row(op: Op) -> tuple[Pair, Pair]:
    """(first, step) of the pixels and of the channels."""
    a = _attrs(op)
    padded = ((0, 1), (0, 1), *zip(a.begin, a.step, strict=True))
    return padded[-2], padded[-1]


def access(graph: Graph, op: Op) -> Rows:
    return Rows((_row_map(graph, op),))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    pixels, channels = _within_row(op)
    rows = layout.mapped_rows(_row_map(graph, op), box.y0, box.y1)
    return (Box(*rows, *_range(pixels, box.x0, box.x1), *_range(channels, box.c0, box.c1)),)


def _range(part: Pair, begin: int, end: int) -> Pair:
    """The half-open range that indices begin .. end-1 read, from a first one in steps."""
    first, step = part
    ends = first + begin * step, first + (end - 1) * step
    return min(ends), max(ends) + 1


def describe(graph: Graph, op: Op) -> str:
    a, x = _attrs(op), graph.operand(op, 0)
    parts = zip(a.begin, a.size, a.step, x.shape, strict=True)
    return "[" + ", ".join(_words(*part) for part in parts) + "]"


def _words(begin: int, count: int, step: int, size: int) -> str:
    """A part of one dimension as Python writes it: ":" for all, "3" for one element, "0:4", "6::-2"."""
    if count == 1 and size > 1:
        return str(begin)
    if (begin, count, step) == (0, size, 1):
        return ":"
    end = begin + count * step
    return f"{begin}:{end if end >= 0 else ''}" + (f":{step}" if step != 1 else "")


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    pixels, channels = _within_row(op)
    return {
        "in_c": graph.operand(op, 0).hwc[2],
        "channels": graph.result(op).hwc[2],
        "pixel": pixels,
        "channel": channels,
    }


RECORD = OpRecord(
    kind="strided_slice",
    attrs=StridedSlice,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=describe,
    kernel=Kernel("strided_slice.h", "ek_strided_slice_row", "ek_strided_slice_t", params),
    limits=(binary.ALIKE,),
)
