"""Exact packing of buffers whose bytes all live from their first to their last time: is there a packing of a height?

A branch and bound over sections, the largest sets of buffers that live together. Every open buffer has a least offset
that the placed ones leave to it; the floor of a section is the smallest one of its open buffers. Floor and open bytes
together may not exceed the height. In a section all of whose buffers at the floor could not be undercut by another one,
there are few choices: one of them lies at the floor, or nothing does. The search branches on such sections, where there
is one choice or none first of all; what is no longer connected in time is solved on its own, and what failed once is
remembered.

Whether that takes some nodes or millions depends on the order of the choices, so many short searches with different
orders come before long ones. All is counted in nodes, so that the same input gives the same result anywhere.

Sources of the ideas: sections, least offsets and their inference, decomposition in time: M. D. Moffitt, MiniMalloc,
ASPLOS 2023. Short searches with restarts: C. Gomes, B. Selman, H. Kautz, AAAI 1998.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from math import gcd
from random import Random

import numpy as np
import numpy.typing as npt

from .buffer import Buffer, lower_bound
from .problem import Packing

BUDGET = 20_000
"""Nodes of all searches together."""

SHORT = 2
"""Nodes per buffer of a short search."""

LONG = 64
"""One search in so many is a long one: of a quarter of the nodes so far, so that in the end nothing is left out."""

Index = npt.NDArray[np.int64]

_NEVER = 1 << 60


class Answer(Enum):
    """Whether there is a packing of a height: not found in the nodes that were allowed is UNKNOWN."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exact:
    """packing  the lowest one found; optimal: proven that there is no lower one; nodes: of all searches"""

    packing: Packing
    optimal: bool
    nodes: int


def exact(items: Sequence[Buffer], start: Packing, budget: int = BUDGET) -> Exact:
    """The lowest packing found, never higher than `start`: the lower bound's height is tried first, then bisection.

    Raises ValueError for a buffer whose parts live on their own.
    """
    best, bound, nodes = start, lower_bound(items), 0
    step = gcd(*(item.size for item in items))
    low = target = bound
    while nodes < budget and low < best.height:
        answer, found, used = fits(items, target, max((budget - nodes) // 2, 1))
        nodes += used
        if found is not None:
            best = found
        else:
            low = target + step
            bound = low if answer is Answer.NO else bound
        target = low + (best.height - low) // (2 * step) * step
    return Exact(best, best.height <= bound, nodes)


def fits(items: Sequence[Buffer], height: int, budget: int = BUDGET) -> tuple[Answer, Packing | None, int]:
    """Whether the buffers can be packed into `height` bytes; with the packing where they can, and the nodes it took.

    Raises ValueError for a buffer whose parts live on their own.
    """
    if any(item.spans is not None for item in items):
        raise ValueError("only buffers that live as a whole can be packed exactly")
    if not items:
        return Answer.YES, Packing((), 0), 0
    problem, nodes, turn = _Problem(items, height), 0, 0
    while nodes < budget:
        limit = max(SHORT * len(items), nodes // 4 if turn % LONG == LONG - 1 else 0)
        strategy = _STRATEGIES[turn % len(_STRATEGIES)]
        search = _Search(problem, problem.rank(turn), strategy.priority, min(limit, budget - nodes))
        answer = search.run()
        nodes += search.nodes
        if answer is Answer.YES:
            offsets = tuple(search.offset.tolist())
            return answer, Packing(offsets, max(o + item.size for o, item in zip(offsets, items, strict=True))), nodes
        if answer is Answer.NO:
            return answer, None, nodes
        turn += 1
    return Answer.UNKNOWN, None, nodes


@dataclass(frozen=True, slots=True)
class _Strategy:
    """The orders of a search.

    buffers   by what buffers are tried, the greatest first
    priority  from the number of choices, the floor and the open bytes of every section: by what the section is chosen,
              the smallest first
    """

    buffers: tuple[str, str]
    priority: Callable[[Index, Index, Index], tuple[Index, ...]]


_STRATEGIES = (
    _Strategy(("width", "area"), lambda choices, floor, load: (choices, floor)),
    _Strategy(("crowd", "area"), lambda choices, floor, load: (floor, -load)),
    _Strategy(("size", "width"), lambda choices, floor, load: (choices, -load)),
    _Strategy(("width", "area"), lambda choices, floor, load: (floor, -load)),
    _Strategy(("crowd", "area"), lambda choices, floor, load: (choices, -floor - load)),
    _Strategy(("width", "area"), lambda choices, floor, load: (floor, choices)),
)


class _Problem:
    """Buffers over sections: buffer i is live in the sections low[i] .. high[i] - 1."""

    def __init__(self, items: Sequence[Buffer], height: int) -> None:
        first = np.array([b.first for b in items], np.int64)
        last = np.array([b.last for b in items], np.int64)
        times = np.unique(first)
        live = (first[:, None] <= times) & (times <= last[:, None])
        ends = np.append((live[:, :-1] & ~live[:, 1:]).any(axis=0), True)
        live = live[:, ends]
        self.height = height
        self.size = np.array([b.size for b in items], np.int64)
        self.low = live.argmax(axis=1)
        self.high = self.low + live.sum(axis=1)
        self._width = last - first + 1
        load = self.size @ live
        self._crowd = np.where(live, load, 0).max(axis=1)

    def rank(self, turn: int) -> Index:
        """The order in which buffers are tried where several could be: the strategy's own in its first turn, and
        something near it later."""
        chance, n = Random(turn), len(self.size)
        first, second = (np.array([chance.random() for _ in range(n)]) for _ in range(2))
        width, crowd = self._width.astype(np.float64), self._crowd.astype(np.float64)
        if turn >= len(_STRATEGIES):
            width, crowd = width * (0.5 + first), crowd * (0.9 + 0.2 * second)
        columns = {"width": width, "area": width * self.size, "crowd": crowd, "size": self.size}
        order = np.lexsort([-columns[name] for name in reversed(_STRATEGIES[turn % len(_STRATEGIES)].buffers)])
        rank = np.empty_like(order)
        rank[order] = np.arange(n)
        return rank


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Open buffers that are connected in time, by number, and the least offset of each."""

    members: Index
    least: Index


class _Search:
    """One depth-first search with one order, up to a number of nodes."""

    def __init__(
        self, problem: _Problem, rank: Index, priority: Callable[[Index, Index, Index], tuple[Index, ...]], limit: int
    ) -> None:
        self.offset = np.full(len(rank), -1, np.int64)
        self.nodes = 0
        self._problem, self._rank, self._priority, self._limit = problem, rank, priority, limit
        self._failed: set[bytes] = set()

    def run(self) -> Answer:
        everything = np.arange(len(self._rank))
        stack = [self._all(everything, np.zeros_like(everything))]
        answer: bool | None = None
        while stack:
            try:
                part = stack[-1].send(answer)
            except StopIteration as stop:
                answer = bool(stop.value)
                stack.pop()
                continue
            if self.nodes == self._limit:
                return Answer.UNKNOWN
            self.nodes += 1
            stack.append(self._one(part))
            answer = None
        return Answer.YES if answer else Answer.NO

    def _all(self, members: Index, least: Index) -> Generator[_Part, bool | None, bool]:
        """Whether the open buffers can be placed: all parts of them that have no time in common, the smallest first."""
        low, high = self._problem.low[members], self._problem.high[members]
        begin, end = int(low.min(initial=0)), int(high.max(initial=1))
        crossing = np.cumsum(np.bincount(low - begin + 1, minlength=end - begin + 1))[1 : end - begin]
        crossing = crossing - np.cumsum(np.bincount(high - begin, minlength=end - begin + 1))[1 : end - begin]
        cuts = np.flatnonzero(crossing == 0) + begin + 1
        part = np.searchsorted(cuts, low, side="right")
        for chosen in sorted((np.flatnonzero(part == p) for p in np.unique(part)), key=len):
            if not (yield _Part(members[chosen], least[chosen])):
                return False
        return True

    def _one(self, part: _Part) -> Generator[_Part, bool | None, bool]:
        """Whether one part can be placed."""
        key = blake2b(part.members.tobytes() + part.least.tobytes(), digest_size=16).digest()
        branch = None if key in self._failed else self._branch(part)
        if branch is not None:
            for i in branch.buffers:
                keep = np.arange(len(part.members)) != i
                base = int(part.least[i])
                self.offset[part.members[i]] = base
                low, high = self._problem.low[part.members], self._problem.high[part.members]
                above = (low < high[i]) & (low[i] < high)
                least = np.where(above, np.maximum(part.least, base + self._problem.size[part.members[i]]), part.least)
                if (yield from self._all(part.members[keep], least[keep])):
                    return True
            if branch.raised is not None and (yield _Part(part.members, branch.raised)):
                return True
        self._failed.add(key)
        return False

    def _branch(self, part: _Part) -> _Branch | None:
        """The choices in the section that has the highest priority; None where the part cannot be placed."""
        problem, least = self._problem, part.least
        low, high, size = problem.low[part.members], problem.high[part.members], problem.size[part.members]
        begin, end = int(low.min()), int(high.max())
        section = np.arange(begin, end)[:, None]
        live = (low <= section) & (section < high)
        offsets = np.where(live, least, _NEVER)
        floor, load = offsets.min(axis=1), live @ size
        if (floor + load > problem.height).any():
            return None
        lowest = live & (offsets == floor[:, None])
        tops = np.append((offsets + size).min(axis=1), _NEVER)
        spans = np.stack((low - begin, high - begin), axis=1).ravel()
        under = np.minimum.reduceat(tops, spans)[::2]
        undercut = np.where(lowest, under, _NEVER).min(axis=1)
        following = np.minimum(undercut, np.where(lowest, _NEVER, offsets).min(axis=1))
        empty = following + load <= problem.height
        choices = lowest.sum(axis=1) + empty
        possible = np.flatnonzero(undercut > floor)
        if (choices[possible] == 0).any():
            return None
        keys = self._priority(choices[possible], floor[possible], load[possible])
        k = int(possible[np.lexsort(keys[::-1])[0]])
        buffers = sorted(np.flatnonzero(lowest[k]).tolist(), key=lambda i: self._rank[part.members[i]])
        alike = {(low[i], high[i], size[i]): i for i in reversed(buffers)}
        raised = np.where(live[k], np.maximum(least, following[k]), least) if empty[k] else None
        return _Branch([i for i in buffers if alike[low[i], high[i], size[i]] == i], raised)


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """buffers  those of a part, by position, that may lie at the floor of a section; raised: least offsets of all where
    none of them does, None where that would waste too much"""

    buffers: list[int]
    raised: Index | None
