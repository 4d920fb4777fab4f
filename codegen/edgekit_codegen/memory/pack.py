"""Packing: offsets for buffers with known lives, so that the highest address in use is as low as possible.

Greedy orders come first. Where none reaches the live-set lower bound they are improved (climb.py); then a branch and
bound looks for something better: over the sections of buffers that live as a whole (exact.py), or over bottom-justified
packings where rows live one by one (search.py). All stop after an amount of work, not of seconds, so that the same
input gives the same result anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .buffer import Buffer
from .clearance import APART
from .climb import climb
from .exact import exact
from .problem import Packing, Problem, lowest_start
from .search import search

__all__ = ["Packing", "Shelf", "pack"]

BUDGET = 4000
"""Nodes of the search tree."""

SEARCHED = 16
"""Buffers, where rows live one by one, beyond which the tree is too deep for that many nodes to promise anything."""

WORK = 300_000
"""Pairs of buffers that the improvement of orders may look at."""


def pack(items: Sequence[Buffer], budget: int = BUDGET, limit: int | None = None) -> Packing:
    """The best packing found; optimal where its height is the lower bound. limit: one far above it is not
    improved."""
    if not items:
        return Packing((), 0)
    problem = Problem(items)
    _, best = climb([problem], WORK if budget else 0, limit=limit)
    if best.height == problem.lower_bound:
        return best
    if problem.solid.all():
        return exact(items, best, budget).packing
    return search(problem, best, budget) if len(items) <= SEARCHED else best


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
