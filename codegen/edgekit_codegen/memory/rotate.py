"""Rings whose slots lie apart, so that the rings of one stream can share bytes.

A slot of a ring is free from its row's last reading to the next row's writing, in every round. A ring as short as
possible makes no use of that: its slots are hardly ever free. Rings that all repeat after the same number of iterations
have more slots, each free for longer, and the packer lays them over each other: what one ring frees is written by the
next one, as in a single ring that all of them rotate through. That takes no more bytes than rows live at a time, and a
table of addresses per ring.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .buffer import Buffer, Spans, align_up
from .calls import step_of

MOST = 200
"""Slots of one stream; more take the packer too long."""


def rotated(items: Sequence[Buffer], rounds: int) -> tuple[Buffer, ...]:
    """The buffers with the slots of every ring on their own.

    rounds  how much longer than necessary the rings of a stream are: 1 as short as rings can be that repeat together,
            each further one longer by the streams' common period
    """
    lengths = dict(_lengths(items, rounds))
    made: list[Buffer] = []
    for item in items:
        length = lengths.get(step_of(item.first), 0) if item.slots and item.tile is None else 0
        made += _slots(item, length) if length else [item]
    return tuple(made)


def _lengths(items: Sequence[Buffer], rounds: int) -> Iterator[tuple[int, int]]:
    """Per stream (the step that it is), the time after which its rings repeat; none where that takes too many slots."""
    rings: dict[int, list[Buffer]] = {}
    for item in items:
        if item.slots and item.tile is None:
            rings.setdefault(step_of(item.first), []).append(item)
    for step, found in rings.items():
        paces = [_pace(item) for item in found]
        shared = math.lcm(*(time for time, _ in paces))
        least = max(-(-item.slots // rows) * time for item, (time, rows) in zip(found, paces, strict=True))
        length = (-(-least // shared) + rounds - 1) * shared
        if len(found) > 1 and sum(length // time * rows for time, rows in paces) <= MOST:
            yield step, length


def _pace(item: Buffer) -> tuple[int, int]:
    """The time from one turn of a ring's writer to the next, and the rows that it writes in each."""
    assert item.spans is not None
    first = item.spans.first
    later = np.flatnonzero(first != first[0])
    rows = int(later[0]) if len(later) else len(first)
    return int(abs(first[min(rows, len(first) - 1)] - first[0])) or 1, rows


def _slots(item: Buffer, length: int) -> list[Buffer]:
    assert item.spans is not None
    rows, spans = len(item.spans.first), item.spans
    time, written = _pace(item)
    slots = min(length // time * written, rows)
    size = align_up(int(spans.end[0] - spans.begin[0]))
    made = []
    for slot in range(slots):
        first, last = spans.first[slot::slots], spans.last[slot::slots]
        begin = np.zeros(len(first), np.int64)
        made.append(
            replace(
                item,
                size=size,
                first=int(first.min()),
                last=int(last.max()),
                traffic=item.traffic // slots,
                slots=slots,
                slot=slot,
                spans=Spans(begin, begin + size, first, last),
            )
        )
    return made
