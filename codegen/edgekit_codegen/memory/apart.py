"""Buffers whose rows all lie apart, each at an address of its own.

Rows that live one by one leave holes: what a tensor's first rows leave, a row of another one can take, but only where
it lies. Rows without neighbours fill any hole of their size, so that what a stream needs comes near the bytes that live
at a time. It takes a table of addresses per tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..ir.types import Graph, TensorId
from ..ops import TABLE
from ..ops.record import Whole
from ..schedule import walk
from ..schedule.reach import Index
from ..schedule.types import AffineBox, Run, Schedule
from .buffer import Buffer, Spans, align_up

MOST = 1000
"""Buffers; more take the packer too long."""


def apart(graph: Graph, schedule: Schedule, items: Sequence[Buffer], whole: bool) -> tuple[Buffer, ...]:
    """The buffers with the rows of rings and tiles on their own, or as they were where these are too many. The rows of
    tiles that slide stay together.

    whole  also the rows of tensors of which every row has a place, but for those that are handed over in one piece
    """
    boxes = {
        graph.ops[leaf.op].outputs[0]: leaf.box
        for node in walk.nodes(schedule)
        for leaf in walk.leaves(node)
        if isinstance(leaf, Run)
    }
    fixed = _in_one_piece(graph, schedule) if whole else frozenset()
    split = [
        item.spans is not None
        and not item.fresh
        and not item.lines
        and not (item.tile is not None and (item.tile.slides or item.tile.lines))
        and bool(item.slots or (whole and item.tensors and _in_rows(graph, item)))
        and not fixed.intersection(item.tensors)
        for item in items
    ]
    rows = sum(_rows(graph, item) if one else 1 for item, one in zip(items, split, strict=True))
    if rows > MOST:
        return tuple(items)
    made: list[Buffer] = []
    for item, one in zip(items, split, strict=True):
        made += _split(graph, item, boxes) if one else [item]
    return tuple(made)


def _in_one_piece(graph: Graph, schedule: Schedule) -> frozenset[TensorId]:
    """The graph's inputs and outputs, and what a kernel takes, or makes, as a whole."""
    at_once = [graph.ops[n.op] for n in walk.nodes(schedule) if isinstance(n, Run) and n.once is not None]
    whole = [op for op in graph.ops if isinstance(TABLE[op.kind].access(graph, op), Whole)]
    taken = (tensor.id for op in (*whole, *at_once) for tensor in TABLE[op.kind].operands(graph, op))
    return frozenset((*graph.inputs, *graph.outputs, *taken, *(op.outputs[0] for op in at_once)))


def _rows(graph: Graph, item: Buffer) -> int:
    return graph.tensors[item.tensors[0]].hwc[0]


def _in_rows(graph: Graph, item: Buffer) -> bool:
    """Whether the parts of a buffer are its rows, or what there is of them in tiles."""
    return item.tile is not None or (item.spans is not None and len(item.spans.first) == _rows(graph, item))


def _split(graph: Graph, item: Buffer, boxes: Mapping[TensorId, AffineBox]) -> Iterator[Buffer]:
    """One buffer per row, as slots of which there are as many as rows."""
    assert item.spans is not None
    rows, first, last = _rows(graph, item), item.spans.first, item.spans.last
    row = np.arange(len(first))
    size = int(item.spans.end[0] - item.spans.begin[0])
    if item.tile is not None:
        turn, row = _computed(boxes[item.tensors[0]], len(first), rows)
        first, last = first[turn], last[turn]
        tensor = graph.tensors[item.tensors[0]]
        size = item.tile.pixels * tensor.hwc[2] * tensor.dtype.size
    size = align_up(size)
    for y in range(rows):
        mine = row == y
        begin = np.zeros(int(mine.sum()), np.int64)
        # A row that is never computed takes a place at some time; nobody looks there.
        born, dies = (first[mine], last[mine]) if len(begin) else (first[:1], first[:1])
        yield replace(
            item,
            size=size,
            first=int(born.min()),
            last=int(dies.max()),
            traffic=item.traffic // rows,
            slots=rows,
            slot=y,
            spans=Spans(begin, begin + size, born, dies) if len(begin) > 1 else None,
        )


def _computed(box: AffineBox, turns: int, rows: int) -> tuple[Index, Index]:
    """The turn and the row of everything that a tile computes."""
    step, turn = sum(k for _, k in box.y0.terms), np.arange(turns)
    low, high = (np.clip(bound.const + step * turn, 0, rows) for bound in (box.y0, box.y1))
    turn = np.repeat(turn, high - low)
    return turn, np.arange(len(turn)) - np.repeat(np.cumsum(high - low) - high, high - low)
