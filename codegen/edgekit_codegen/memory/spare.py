"""Bytes of the arena that are free whenever an operator runs, for kernels that compute faster with more of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..ir.types import Graph
from ..ops import TABLE
from ..providers import kernel_of
from ..schedule.types import Schedule
from ..target import Target
from .buffer import Buffer, align_up, live_bytes, spans_of
from .calls import Call, calls
from .climb import climb
from .place import Placement
from .places import ALIGN
from .plan import Scratch
from .problem import Problem, lowest_start

WORK = 100_000
"""Pairs of buffers that one try to make room may look at."""

FAILED = 3
"""Tries that may be in vain; after one more there are no further ones."""


def with_spare(
    graph: Graph, schedule: Schedule, target: Target, items: Sequence[Buffer], placement: Placement
) -> tuple[Placement, tuple[Scratch, ...]]:
    """For each kernel that has a use for more bytes (ops/record.py), the lowest ones of the arena in which nothing
    lives from its first call to its last, in the first region that has some. What one call leaves there nobody needs:
    operators may get the same bytes.

    The placement is one of the same height, in which more kernels find their bytes in one piece; it is the given one
    where all of them do, where the bytes that live leave none, and where several regions are in use."""
    wanted = tuple(_wanted(graph, schedule, target))
    found = tuple(_free(wanted, items, placement))
    if len(found) == len(wanted) or placement.heights[0] != placement.total:
        return placement, found
    roomier = _roomier(wanted, {scratch.op for scratch in found}, items, placement)
    return (placement, found) if roomier is None else (roomier, tuple(_free(wanted, items, roomier)))


def _free(wanted: Sequence[Buffer], items: Sequence[Buffer], placement: Placement) -> Iterator[Scratch]:
    """The bytes for some of those buffers that a placement leaves free."""
    parts = [spans_of(item) for item in items]
    where = np.repeat(np.array(placement.region), [len(part.begin) for part in parts])
    begin, end = (
        np.concatenate([getattr(part, name) + offset for part, offset in zip(parts, placement.offset, strict=True)])
        for name in ("begin", "end")
    )
    born, dies = (np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "last"))
    for one in wanted:
        assert one.op is not None
        living = (born <= one.last) & (one.first <= dies) & (born <= dies)
        for region, height in enumerate(placement.heights):
            mine = living & (where == region)
            closed = sorted(zip((begin[mine] // ALIGN * ALIGN - one.size).tolist(), end[mine].tolist(), strict=True))
            offset = align_up(lowest_start(closed))
            if offset + one.size <= height:
                yield Scratch(one.op, region, offset, one.size)
                break


def _roomier(
    wanted: Sequence[Buffer], served: Collection[int], items: Sequence[Buffer], placement: Placement
) -> Placement | None:
    """A placement that is no higher, in which kernels that are not served find their bytes as well: all of them, or as
    many as possible one by one; None where that is none of them."""
    loads, height = live_bytes(items), placement.total
    kept = [one for one in wanted if one.op in served]
    missing = [
        one
        for one in wanted
        if one.op not in served
        and all(load + one.size <= height for time, load in loads.items() if one.first <= time <= one.last)
    ]
    found: Placement | None = None
    failed = 0
    for more in (missing, *([one] for one in missing)) if len(missing) > 1 else (missing,) if missing else ():
        _, packing = climb([Problem((*items, *kept, *more))], WORK, height, height)
        if packing.height <= height:
            found, kept = replace(placement, offset=packing.offsets[: len(items)]), [*kept, *more]
        else:
            failed += 1
        if failed > FAILED or (found is not None and more is missing):
            break
    return found


def _wanted(graph: Graph, schedule: Schedule, target: Target) -> Iterator[Buffer]:
    """The bytes that kernels have a use for, from their first call to their last."""
    found = {call.op: call for call in calls(graph, schedule) if isinstance(call, Call) and not call.adds}
    for index, call in found.items():
        op = graph.ops[index]
        size = 0 if TABLE[op.kind].kernel is None else align_up(kernel_of(graph, op, target).spare(graph, op))
        if size:
            yield Buffer((), index, size, int(call.first.min()), int(call.last.max()), 0)
