"""TILE and BROADCAST_TO: an int8 tensor side by side with itself, along any dimensions.

TensorFlow Lite Micro has no TILE; it is held against NumPy, and where only dimensions of size 1 repeat, against
BROADCAST_TO.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import binary, layout, rules
from .attributes import Pair, Tile
from .record import CValue, Kernel, OpRecord, RowMap, Rows


def _repeats(op: Op) -> tuple[int, ...]:
    return cast(Tile, op.attrs).repeats


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    return (tuple(size * count for size, count in zip(graph.operand(op, 0).shape, _repeats(op), strict=True)),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, repeats = graph.operand(op, 0), graph.result(op), _repeats(op)
    rules.require_int8(graph, op, x, out)
    if len(repeats) != len(x.shape) or min(repeats, default=1) < 1:
        raise rules.illegal(graph, op, f"{list(repeats)} is not one count per dimension of {rules.show(x)}, 1 or more")
    layout.require_same_quant(graph, op, x, out)


def _row_map(graph: Graph, op: Op) -> RowMap | None:
    """An index modulo the input's size, in every dimension before the last two."""
    shape, repeats = graph.operand(op, 0).shape[:-2], _repeats(op)
    if all(count == 1 for count in repeats[: len(shape)]):
        return None
    terms, divisor = [], 1
    for size, count, step in reversed(list(zip(shape, repeats, layout.strides(shape), strict=False))):
        if size > 1:
            terms.append((divisor, size, step))
        divisor *= size * count
    return RowMap(tuple(terms))


def access(graph: Graph, op: Op) -> Rows:
    return Rows((_row_map(graph, op),))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    _, pixels, channels = graph.operand(op, 0).hwc
    rows = layout.mapped_rows(_row_map(graph, op), box.y0, box.y1)
    return (Box(*rows, *_range(pixels, box.x0, box.x1), *_range(channels, box.c0, box.c1)),)


def _range(size: int, begin: int, end: int) -> Pair:
    """The half-open range that begin .. end-1, modulo the size, span."""
    first = begin % size
    return (0, size) if first + end - begin > size else (first, first + end - begin)


def describe(graph: Graph, op: Op) -> str:
    return "x".join(str(count) for count in _repeats(op)) + " times"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    _, pixels, channels = graph.operand(op, 0).hwc
    return {"in_w": pixels, "in_c": channels, "repeats": graph.result(op).hwc[2] // channels}


RECORD = OpRecord(
    kind="tile",
    attrs=Tile,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=describe,
    kernel=Kernel("tile.h", "ek_tile_row", "ek_tile_t", params),
    limits=(binary.ALIKE,),
)
