"""A packing problem: the buffers of one region, which of them may not overlap, and first fit in an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import add

import numpy as np

from ..schedule.reach import Index
from .buffer import Buffer, align_up, live_bytes, spans_of
from .clearance import APART, clearances

TIMES = 64
"""Times at which is looked at what is live."""


@dataclass(frozen=True, slots=True)
class Packing:
    """offsets  one per buffer, in bytes; height  bytes in use at the peak"""

    offsets: tuple[int, ...]
    height: int


class Problem:
    """Sizes, lifetimes and conflicts.

    clearance    [i, j] as in clearance.py
    neighbours   per buffer, those that live with it: which, its clearance above this one, this one's above it
    lower_bound  bytes that no packing can go below
    need         [i, t] = the bytes of a buffer that are live at each of some busy times
    work         pairs of buffers that a first fit looks at
    """

    def __init__(self, items: Sequence[Buffer]) -> None:
        self.size = np.array([b.size for b in items], np.int64)
        self.sizes: list[int] = self.size.tolist()
        self.first = np.array([b.first for b in items], np.int64)
        self.last = np.array([b.last for b in items], np.int64)
        self.solid = np.array([b.spans is None for b in items])
        self.clearance = clearances(items)
        self.neighbours = _neighbours(self.clearance)
        self.work = sum(map(len, self.neighbours)) // 2 + len(items)
        loads = live_bytes(items)
        self.lower_bound = align_up(max(loads.values()))
        self.need = self._needed(items, _busiest(loads))

    def _needed(self, items: Sequence[Buffer], times: Index) -> Index:
        need = self.size[:, None] * ((self.first[:, None] <= times) & (times <= self.last[:, None]))
        for i in np.flatnonzero(~self.solid).tolist():
            spans = spans_of(items[i])
            live = (spans.first[:, None] <= times) & (times <= spans.last[:, None])
            need[i] = (spans.end - spans.begin) @ live
        return need

    def orders(self) -> list[list[int]]:
        """Orders for first fit, most promising first."""
        size, first, last, index = self.size, self.first, self.last, np.arange(len(self.size))
        life = last - first + 1
        pressure = np.where(self.need > 0, self.need.sum(axis=0), 0).max(axis=1)
        crowd = (self.clearance != APART) @ size
        keys = [
            (-size, first),
            (-size * life, first),
            (-pressure, -size, first),
            (first, -size),
            (-life, -size, first),
            (-crowd, -size, first),
            (-last, -size),
            (-first, -size),
        ]
        return [np.lexsort((index, *reversed(key))).tolist() for key in keys]

    def first_fit(self, order: Sequence[int]) -> Packing:
        """Every buffer in that order at the lowest free address."""
        offsets = [-1] * len(order)
        closed: list[list[tuple[int, int]]] = [[] for _ in order]
        for i in order:
            closed[i].sort()
            offset = offsets[i] = lowest_start(closed[i])
            for j, above, below in self.neighbours[i]:
                if offsets[j] < 0:
                    closed[j].append((offset - below, offset + above))
        return Packing(tuple(offsets), max(map(add, offsets, self.sizes)))


def lowest_start(closed: Sequence[tuple[int, int]]) -> int:
    """The lowest address, from 0 on, that lies strictly inside none of the sorted intervals."""
    offset = 0
    for begin, end in closed:
        if end > offset:
            if begin >= offset:
                break
            offset = end
    return offset


def _neighbours(clearance: Index) -> list[list[tuple[int, int, int]]]:
    """Per buffer, those that it may not share all bytes with: which, its clearance above this one, this one's above."""
    one, other = np.nonzero(clearance != APART)
    found = zip(other.tolist(), clearance[one, other].tolist(), clearance[other, one].tolist(), strict=True)
    return [list(islice(found, n)) for n in np.bincount(one, minlength=len(clearance)).tolist()]


def _busiest(loads: Mapping[int, int]) -> Index:
    """Times at which much is live: all of them, or the busiest of each of TIMES parts."""
    times, load = np.array(list(loads)), np.array(list(loads.values()))
    parts = np.array_split(np.arange(len(times)), min(TIMES, len(times)))
    return np.array([times[part[np.argmax(load[part])]] for part in parts], np.int64)
