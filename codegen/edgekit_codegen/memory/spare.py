"""Bytes of the arena that are free whenever an operator runs, for kernels that compute faster with more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..ir.types import Graph
from ..ops import TABLE
from ..providers import kernel_of
from ..schedule.types import Schedule
from ..target import Target
from .buffer import Buffer, align_up, spans_of
from .calls import Call, calls
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
    times: dict[int, tuple[int, int]] = {}
    for call in calls(graph, schedule):
        if isinstance(call, Call) and not call.adds:
            times[call.op] = int(call.first.min()), int(call.last.max())
    parts = [spans_of(item) for item in items]
    where = np.repeat(np.array(placement.region), [len(part.begin) for part in parts])
    begin, end = (
        np.concatenate([getattr(part, name) + offset for part, offset in zip(parts, placement.offset, strict=True)])
        for name in ("begin", "end")
    )
    born, dies = (np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "last"))
    for index, (first, last) in times.items():
        op = graph.ops[index]
        size = 0 if TABLE[op.kind].kernel is None else align_up(kernel_of(graph, op, target).spare(graph, op))
        living = (born <= last) & (first <= dies) & (born <= dies)
        for region, height in enumerate(placement.heights if size else ()):
            mine = living & (where == region)
            closed = sorted(zip((begin[mine] // ALIGN * ALIGN - size).tolist(), end[mine].tolist(), strict=True))
            offset = align_up(lowest_start(closed))
            if offset + size <= height:
                yield Scratch(index, region, offset, size)
                break
