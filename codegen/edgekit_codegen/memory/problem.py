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
    tight        the buffers on which the height depends
    easy         the others: placed in this order after those, each finds room below the lower bound
    work         pairs of buffers that a first fit of the tight ones looks at
    """

    def __init__(self, items: Sequence[Buffer]) -> None:
        self.size = np.array([b.size for b in items], np.int64)
        self.sizes: list[int] = self.size.tolist()
        self.first = np.array([b.first for b in items], np.int64)
        self.last = np.array([b.last for b in items], np.int64)
        self.solid = np.array([b.spans is None for b in items])
        self.clearance = clearances(items)
        self.neighbours = _neighbours(self.clearance)
        loads = live_bytes(items)
        self.lower_bound = align_up(max(loads.values()))
        self.need = self._needed(items, _busiest(loads))
        self.tight, self.easy = self._peeled()
        self.work = sum(len(self.neighbours[i]) for i in self.tight) // 2 + len(self.tight) + 1

    def _needed(self, items: Sequence[Buffer], times: Index) -> Index:
        need = self.size[:, None] * ((self.first[:, None] <= times) & (times <= self.last[:, None]))
        for i in np.flatnonzero(~self.solid).tolist():
            spans = spans_of(items[i])
            live = (spans.first[:, None] <= times) & (times <= spans.last[:, None])
            need[i] = (spans.end - spans.begin) @ live
        return need

    def _peeled(self) -> tuple[list[int], list[int]]:
        """The lowest address free for a buffer is at most the sum of the lengths that its neighbours close: where that
        leaves room below the bound, it waits until they are placed, and they have a neighbour less."""
        closed = np.maximum(np.where(self.clearance == APART, 0, self.clearance + self.clearance.T), 0)
        highest = closed.sum(axis=1) + self.size
        tight, easy = np.ones(len(self.size), bool), np.empty(0, np.int64)
        while len(found := np.flatnonzero(tight & (highest <= self.lower_bound))):
            tight[found] = False
            highest -= closed[:, found].sum(axis=1)
            easy = np.concatenate([found, easy])
        return np.flatnonzero(tight).tolist(), easy.tolist()

    def orders(self) -> list[list[int]]:
        """Orders of the tight buffers for first fit, most promising first."""
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
        tight = set(self.tight)
        return [[i for i in np.lexsort((index, *reversed(key))).tolist() if i in tight] for key in keys]

    def first_fit(self, order: Sequence[int], known: tuple[Sequence[int], Packing] | None = None) -> Packing:
        """The buffers of that order, one after the other, at the lowest free address; the offsets of others are -1. The
        height is at least the lower bound. known: an order and its packing, whose first buffers lie where they did."""
        offsets, same = [-1] * len(self.sizes), 0
        if known is not None:
            for i, before in zip(order, known[0], strict=True):
                if i != before:
                    break
                offsets[i], same = known[1].offsets[i], same + 1
        for i in order[same:]:
            offsets[i] = lowest_start(self._closed(i, offsets))
        return Packing(tuple(offsets), max(self.lower_bound, *map(add, offsets, self.sizes)))

    def _closed(self, i: int, offsets: Sequence[int]) -> list[tuple[int, int]]:
        """The addresses that those which are placed close for a buffer, sorted."""
        return sorted([(o - above, o + below) for j, above, below in self.neighbours[i] if (o := offsets[j]) >= 0])

    def completed(self, packing: Packing) -> Packing:
        """A packing of the tight buffers, with the easy ones: it is as high as before."""
        offsets = list(packing.offsets)
        for i in self.easy:
            offsets[i] = lowest_start(self._closed(i, offsets))
        return Packing(tuple(offsets), packing.height)


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
