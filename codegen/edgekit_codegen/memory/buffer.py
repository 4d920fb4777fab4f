"""Buffers: what the packer places, whose parts live and die one by one, and how many bytes of them live when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.types import TensorId
from ..schedule.reach import Index
from .calls import Tile
from .places import ALIGN


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The parts of a buffer that live on their own, as arrays of one length.

    begin, end   the bytes of each part, from the buffer's start
    first, last  the times between which it is live, inclusive; it never is where `last` is the smaller one
    """

    begin: Index
    end: Index
    first: Index
    last: Index


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are placed together.

    tensors  the tensors that use these bytes, in order of their lives; empty for scratch
    op       the operator whose kernel scratch this is, or None
    size     bytes, a multiple of ALIGN
    first    first time at which any of it is live (calls.py); ENTRY for graph inputs
    last     last time at which any of it is live, inclusive
    traffic  bytes that kernels read and write here in one inference, estimated by rows
    begins   where each of the tensors begins, in bytes from the buffer's start
    slots    row y of the tensors lives in slot y mod slots; 0 where each tensor has a place for every row
    slot     the one slot that these bytes are; None where they are all of them, one after the other
    spans    the lives of its parts; None where all of it lives from `first` to `last`
    tile     what of its tensor is there at a time; None for all of it
    fresh    these bytes are where so many rows of its tensor are computed before they move into the ring; 0 for others
    lines    these bytes are so many whole rows of a tensor of which a tile holds the newest; 0 for others
    """

    tensors: tuple[TensorId, ...]
    op: int | None
    size: int
    first: int
    last: int
    traffic: int
    begins: tuple[int, ...] = ()
    slots: int = 0
    slot: int | None = None
    spans: Spans | None = None
    tile: Tile | None = None
    fresh: int = 0
    lines: int = 0


def align_up(value: int) -> int:
    return -(-value // ALIGN) * ALIGN


def live_bytes(items: Sequence[Buffer], whole_slots: bool = False) -> dict[int, int]:
    """Bytes live at every time at which something begins to live; the largest is reached at one of them.

    whole_slots  a ring's slot counts from its first row's begin to its last row's end, also between two rows: no other
                 buffer can use it then, unless it is a ring in step with this one
    """
    if not items:
        return {}
    parts = [_slots_of(item) if whole_slots and item.slots and item.tile is None else spans_of(item) for item in items]
    size = np.concatenate([p.end - p.begin for p in parts])
    first, last = np.concatenate([p.first for p in parts]), np.concatenate([p.last for p in parts])
    living = first <= last
    size, first, last = size[living], first[living], last[living]
    times = np.unique(first)
    return dict(zip(times.tolist(), _at(times, first, last, size).tolist(), strict=True))


def lower_bound(items: Sequence[Buffer]) -> int:
    """Bytes, in whole words, that no placement of the buffers can go below: the most that are live at a time."""
    return align_up(max(live_bytes(items).values(), default=0))


def live_at(item: Buffer, time: int) -> int:
    """The bytes of a buffer that are live at a time."""
    spans = spans_of(item)
    return int((spans.end - spans.begin)[(spans.first <= time) & (time <= spans.last)].sum())


def _at(times: Index, first: Index, last: Index, size: Index) -> Index:
    """The bytes live at each of the times, which are those of `first` without repetition."""
    change = np.bincount(np.searchsorted(times, first), size, len(times) + 1)
    change -= np.bincount(np.searchsorted(times, last, side="right"), size, len(times) + 1)
    return np.cumsum(change)[: len(times)].astype(np.int64)


def spans_of(item: Buffer) -> Spans:
    """The parts of a buffer; itself where it is one."""
    if item.spans is not None:
        return item.spans
    return Spans(*(np.array([value], np.int64) for value in (0, item.size, item.first, item.last)))


def _slots_of(item: Buffer) -> Spans:
    """The slots of a ring, each from its first row's begin to its last row's end."""
    rows = spans_of(item)
    slots = slice(0, item.slots)
    slot, first, last = np.arange(len(rows.last)) % item.slots, rows.first[slots].copy(), rows.last[slots].copy()
    np.minimum.at(first, slot, rows.first)
    np.maximum.at(last, slot, rows.last)
    return Spans(rows.begin[slots], rows.end[slots], first, last)
