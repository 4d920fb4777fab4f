"""Better orders for first fit: what sticks out moves forward, again and again, in the most promising orders longest.

All is counted in pairs of buffers that are looked at, so that the same input gives the same result anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from .problem import Packing, Problem

KEPT = (4, 2)
"""Orders that are improved, in as many phases of the same work; the best ones come into the next phase."""

IDLE = 40
"""Times that an order is tried in vain before a part of it is drawn anew."""

DRAWN = 4
"""Buffers that are drawn then."""

VAIN = 5
"""Times that this is done in vain before the order is left alone."""

HOPE = (6, 14)
"""Before each phase: what is left to it takes less than one part in so many off a packing."""


class Climb:
    """One order of one problem, and the best packing that was found from it.

    problem  index of the problem, for whoever has several
    """

    def __init__(self, problem: Problem, order: list[int], turn: int) -> None:
        self.problem, self.best = problem, problem.first_fit(order)
        self._order, self._tried, self._current = order, order, self.best
        self._key = {i: 256 * position for position, i in enumerate(order)}
        self._known = dict(self._key)
        self._idle = self._vain = 0
        self._by_chance, self._chance = turn % 2 > 0, Random(turn).random

    def run(self, work: int) -> None:
        """First fit, round after round; a buffer that ends above the lower bound moves forward in the order.

        It moves by up to half the order, in proportion to how far it sticks out, and keeps what it gained; in every
        other turn by more or less than that, by chance. After IDLE vain rounds the best order goes on with some
        buffers, drawn by chance, at its head.
        """
        for _ in range(max(work // self.problem.work, 1)):
            if self.best.height == self.problem.lower_bound or self._vain == VAIN:
                break
            if self._idle == IDLE:
                self._draw()
            else:
                self._move()
            key = self._key
            known, self._tried = (self._tried, self._current), sorted(self._order, key=lambda i: (key[i], i))
            self._current = self.problem.first_fit(self._tried, known)
            self._idle += 1
            if self._current.height < self.best.height:
                self.best, self._known, self._idle, self._vain = self._current, dict(key), 0, 0

    def _move(self) -> None:
        bound, n = self.problem.lower_bound, len(self._order)
        reach = self._current.height - bound
        for i, (offset, size) in enumerate(zip(self._current.offsets, self.problem.sizes, strict=True)):
            over = offset + size - bound
            if over > 0:
                far = int(192 * n * self._chance()) if self._by_chance else 128 * n
                self._key[i] -= far * over // reach

    def _draw(self) -> None:
        self._key, self._idle, self._vain = dict(self._known), 0, self._vain + 1
        for _ in range(DRAWN):
            self._key[int(self._chance() * len(self._order))] = min(self._key.values()) - 1


def climb(problems: Sequence[Problem], work: int, enough: int = 0, limit: int | None = None) -> tuple[int, Packing]:
    """The lowest packing of any of the problems, and which of them it is of.

    enough  one of that height will do
    limit   only one of that height is of use: where the first ones are far above, they are not improved
    """
    climbs = [
        (n, Climb(problem, order, turn))
        for n, problem in enumerate(problems)
        for turn, order in enumerate(problem.orders()[: max(work // (2 * len(problems) * problem.work), 2)])
    ]

    def rank(pair: tuple[int, Climb]) -> int:
        return pair[1].best.height

    for kept, hope in zip(KEPT, HOPE, strict=True):
        climbs = sorted(climbs, key=rank)[:kept]
        n, best = climbs[0]
        if best.best.height <= max(enough, best.problem.lower_bound):
            break
        if limit is not None and best.best.height > limit + limit // hope:
            break
        for _, one in climbs:
            one.run(work // len(KEPT) // kept)
    n, best = min(climbs, key=rank)
    return n, best.problem.completed(best.best)
