"""Bytes of the arena that are free whenever an operator runs, for kernels that compute faster with more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..ir.types import Graph
from ..ops import TABLE
from ..providers import kernel_of
from ..schedule.types import Schedule
from ..target import Target
from .buffer import Buffer, align_up, lower_bound, spans_of
from .calls import Call, calls
from .pack import pack
from .place import Placement
from .places import ALIGN
from .plan import Scratch
from .problem import lowest_start


def spare(
    graph: Graph, schedule: Schedule, target: Target, items: Sequence[Buffer], placement: Placement
) -> Iterator[Scratch]:
    """For each kernel that has a use for more bytes (ops/record.py), the lowest ones of the arena in which nothing
    lives from its first call to its last, in the first region that has some. What one call leaves there nobody needs:
    operators may get the same bytes."""
    parts = [spans_of(item) for item in items]
    where = np.repeat(np.array(placement.region), [len(part.begin) for part in parts])
    begin, end = (
        np.concatenate([getattr(part, name) + offset for part, offset in zip(parts, placement.offset, strict=True)])
        for name in ("begin", "end")
    )
    born, dies = (np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "last"))
    for wanted in _wanted(graph, schedule, target):
        assert wanted.op is not None
        living = (born <= wanted.last) & (wanted.first <= dies) & (born <= dies)
        for region, height in enumerate(placement.heights):
            mine = living & (where == region)
            closed = sorted(zip((begin[mine] // ALIGN * ALIGN - wanted.size).tolist(), end[mine].tolist(), strict=True))
            offset = align_up(lowest_start(closed))
            if offset + wanted.size <= height:
                yield Scratch(wanted.op, region, offset, wanted.size)
                break


def roomier(
    graph: Graph, schedule: Schedule, target: Target, items: Sequence[Buffer], placement: Placement
) -> Placement:
    """A placement of the same height in which more of those kernels find their bytes in one piece; the same one where
    all of them do, where the bytes that live leave none, and where several regions are in use."""
    found = {scratch.op for scratch in spare(graph, schedule, target, items, placement)}
    height = placement.heights[0] if placement.heights else 0
    if height != placement.total:
        return placement
    wanted = [item for item in _wanted(graph, schedule, target) if lower_bound((*items, item)) <= height]
    kept = [item for item in wanted if item.op in found]
    missing = [item for item in wanted if item.op not in found]
    for more in (missing, *([item] for item in missing)) if len(missing) > 1 else (missing,) if missing else ():
        packing = pack((*items, *kept, *more), limit=height)
        if packing.height <= height:
            placement, kept = replace(placement, offset=packing.offsets[: len(items)]), [*kept, *more]
            if more is missing:
                break
    return placement


def _wanted(graph: Graph, schedule: Schedule, target: Target) -> Iterator[Buffer]:
    """The bytes that kernels have a use for, from their first call to their last."""
    found = {call.op: call for call in calls(graph, schedule) if isinstance(call, Call) and not call.adds}
    for index, call in found.items():
        op = graph.ops[index]
        size = 0 if TABLE[op.kind].kernel is None else align_up(kernel_of(graph, op, target).spare(graph, op))
        if size:
            yield Buffer((), index, size, int(call.first.min()), int(call.last.max()), 0)
