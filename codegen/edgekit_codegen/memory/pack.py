"""Packing: offsets for buffers with known lives, so that the highest address in use is as low as possible.

Greedy orders come first. Where none reaches the live-set lower bound, the buffers that stick out move forward in
the best order, again and again; then a branch and bound over bottom-justified packings looks for something better.
Both stop after a number of rounds and nodes, not of seconds, so that the same input gives the same result anywhere.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from .buffer import Buffer, live_bytes, lower_bound, spans_of
from .clearance import APART, clearances

BUDGET = 4000
"""Nodes of the search tree."""

SEARCHED = 150
"""Buffers beyond which the tree is too deep for that many nodes to promise anything."""

SEARCHED_SPANS = 16
"""The same where rows live one by one: what is live at a time says little then about what remains to be placed."""

STARTS = 2
"""Orders that are improved."""

TIMES = 64
"""Times at which the search looks at what is live."""

ROUNDS = 120
"""Times that an order is improved."""

IDLE = 30
"""Times that it is tried in vain one after the other before it is left alone."""


@dataclass(frozen=True, slots=True)
class Packing:
    """offsets  one per buffer, in bytes; height  bytes in use at the peak"""

    offsets: tuple[int, ...]
    height: int


def pack(items: Sequence[Buffer], budget: int = BUDGET) -> Packing:
    """The best packing found; optimal where its height is the lower bound."""
    if not items:
        return Packing((), 0)
    problem = _Problem(items)
    tried = []
    for order in problem.orders():
        tried.append((problem.first_fit(order), order))
        if tried[-1][0].height == problem.lower_bound:
            return tried[-1][0]
    tried.sort(key=lambda pair: pair[0].height)
    best = tried[0][0]
    for found, order in tried[:STARTS] if budget else ():
        improved = problem.improve(found, order)
        best = improved if improved.height < best.height else best
    if len(items) > (SEARCHED if problem.solid.all() else SEARCHED_SPANS):
        return best
    return problem.search(best, budget)


class Shelf:
    """First fit into one region: buffers are added one by one, each at the lowest address that their lives allow."""

    def __init__(self, capacity: int, clearance: npt.NDArray[np.int64]) -> None:
        self.capacity = capacity
        self._clearance = clearance
        self._placed: list[tuple[int, int]] = []

    def add(self, index: int, size: int) -> int | None:
        """The offset of the buffer with that index, or None where the region has no room."""
        closed = [
            (offset - int(self._clearance[index, j]), offset + int(self._clearance[j, index]))
            for j, offset in self._placed
            if self._clearance[j, index] != APART
        ]
        offset = lowest_start(sorted(closed))
        if offset + size > self.capacity:
            return None
        self._placed.append((index, offset))
        return offset


def lowest_start(closed: Sequence[tuple[int, int]]) -> int:
    """The lowest address, from 0 on, that lies strictly inside none of the sorted intervals."""
    offset = 0
    for begin, end in closed:
        if offset <= begin:
            break
        offset = max(offset, end)
    return offset


class _Problem:
    """Sizes, lifetimes and conflicts of the buffers of one region."""

    def __init__(self, items: Sequence[Buffer]) -> None:
        self.size = np.array([b.size for b in items], np.int64)
        self.sizes: list[int] = self.size.tolist()
        self.first = np.array([b.first for b in items], np.int64)
        self.last = np.array([b.last for b in items], np.int64)
        self.clearance = clearances(items)
        self.conflict = self.clearance != APART
        self.neighbours = [
            [(j, int(self.clearance[i, j]), int(self.clearance[j, i])) for j in np.flatnonzero(row).tolist()]
            for i, row in enumerate(self.conflict)
        ]
        loads = live_bytes(items)
        self.lower_bound = lower_bound(items)
        times = _busiest(loads)
        self.need = np.stack([_needed(item, times) for item in items])
        self.load = self.need.sum(axis=0)
        self.live = self.need > 0
        self.solid = np.array([b.spans is None for b in items])

    def orders(self) -> list[list[int]]:
        """Orders for first fit, most promising first."""
        life = self.last - self.first + 1
        pressure = np.where(self.live, self.load, 0).max(axis=1)
        crowd = self.conflict @ self.size
        keys: list[Callable[[int], Any]] = [
            lambda i: (-self.size[i], self.first[i]),
            lambda i: (-pressure[i], -self.size[i], self.first[i]),
            lambda i: (-self.size[i] * life[i], self.first[i]),
            lambda i: (-crowd[i], -self.size[i], self.first[i]),
            lambda i: (-life[i], -self.size[i], self.first[i]),
            lambda i: (self.first[i], -self.size[i]),
            lambda i: (-self.first[i], -self.size[i]),
            lambda i: (-self.last[i], -self.size[i]),
        ]
        return [sorted(range(len(self.size)), key=lambda i, key=key: (*key(i), i)) for key in keys]  # type: ignore[misc]

    def first_fit(self, order: Sequence[int]) -> Packing:
        """Every buffer in that order at the lowest free address."""
        offsets = [-1] * len(order)
        closed: list[list[tuple[int, int]]] = [[] for _ in order]
        for i in order:
            offset = offsets[i] = lowest_start(closed[i])
            for j, above, below in self.neighbours[i]:
                if offsets[j] < 0:
                    insort(closed[j], (offset - below, offset + above))
        return Packing(tuple(offsets), max(map(add, offsets, self.sizes)))

    def improve(self, best: Packing, order: list[int]) -> Packing:
        """First fit, round after round; a buffer that ends above the lower bound moves forward in the order.

        It moves by up to half the order, in proportion to how far it sticks out, and keeps what it gained.
        """
        sizes, n = self.sizes, len(order)
        key = {i: 256 * position for position, i in enumerate(order)}
        current, idle = best, 0
        for _ in range(ROUNDS):
            if best.height == self.lower_bound or idle == IDLE:
                break
            for i, size in enumerate(sizes):
                over = current.offsets[i] + size - self.lower_bound
                if over > 0:
                    key[i] -= 128 * n * over // (current.height - self.lower_bound)
            current = self.first_fit(sorted(order, key=lambda i: (key[i], i)))
            idle += 1
            if current.height < best.height:
                best, idle = current, 0
        return best

    def search(self, best: Packing, budget: int) -> Packing:
        """Depth first over packings in which every buffer lies at 0 or as near above another as their lives allow.

        Buffers are placed by rising (offset, index), so each packing is visited once. A node is left when its bound
        reaches the best height so far, and a buffer is not placed where another one would still fit below it.
        """
        n = len(self.size)
        start = _Node(np.full(n, -1, np.int64), np.zeros(n, np.int64), np.zeros(self.need.shape[1], np.int64), 0, 0, -1)
        stack: list[Iterator[_Node]] = [iter([start])]
        while stack and budget > 0 and best.height > self.lower_bound:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            budget -= 1
            open_ = node.offset < 0
            if not open_.any():
                if node.height < best.height:
                    best = Packing(tuple(node.offset.tolist()), node.height)
                continue
            rest = open_.astype(np.int64) @ self.need
            bound = np.where(rest > 0, np.maximum(node.top, node.level) + rest, 0).max()
            if max(bound, node.height) < best.height:
                stack.append(self._children(node, open_))
        return best

    def _children(self, node: _Node, open_: npt.NDArray[np.bool_]) -> Iterator[_Node]:
        ceiling = int((node.floor + self.size)[open_].min())
        index = np.arange(len(self.size))
        later = (node.floor > node.level) | ((node.floor == node.level) & (index > node.index))
        chosen = np.flatnonzero(open_ & later & (node.floor < ceiling)).tolist()
        chosen.sort(key=lambda i: (node.floor[i], -self.size[i], i))
        return (self._place(node, i) for i in chosen)

    def _place(self, node: _Node, i: int) -> _Node:
        base = int(node.floor[i])
        end = base + int(self.size[i])
        offset = node.offset.copy()
        offset[i] = base
        floor = np.maximum(node.floor, base + self.clearance[i])
        top = np.where(self.live[i], np.maximum(node.top, end), node.top) if self.solid[i] else node.top
        return _Node(offset, floor, top, max(node.height, end), base, i)


def _busiest(loads: Mapping[int, int]) -> npt.NDArray[np.int64]:
    """Times at which much is live: all of them, or the busiest of each of TIMES parts."""
    times, load = np.array(list(loads)), np.array(list(loads.values()))
    parts = np.array_split(np.arange(len(times)), min(TIMES, len(times)))
    return np.array([times[part[np.argmax(load[part])]] for part in parts], np.int64)


def _needed(item: Buffer, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bytes of a buffer that are live at each of the times."""
    spans = spans_of(item)
    live = (spans.first[:, None] <= times) & (times <= spans.last[:, None])
    return (spans.end - spans.begin) @ live


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A partial packing.

    offset  per buffer, -1 where it is not placed yet
    floor   per buffer, the lowest address above the placed buffers that it may not share bytes with
    top     per time, the top of the placed buffers of one piece that are live then
    height  the top of all placed buffers
    level   offset and index of the buffer placed last
    """

    offset: npt.NDArray[np.int64]
    floor: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    height: int
    level: int
    index: int
