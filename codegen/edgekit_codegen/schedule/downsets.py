"""The order of units with the least peak, searched over sets of units that have run (the downsets of a partial order).

What is live after a set of units does not depend on their order, so that every set is visited once: with the least
peak on the way to it (dynamic programming over downsets, as in Liberis and Lane, "Neural networks on microcontrollers:
saving memory at inference via operator reordering", 2019).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from .condensed import Condensed, Units, members

WIDTH = 64
"""Sets that the beam keeps at a time, at most."""

BEAM = 2_000_000
"""Sets in the beam by units that can run next, at most: what narrows it in wide graphs of hundreds of operators."""

Way = tuple["Way", int] | None
"""How a set was reached: the way to the set before it, and the unit that came last."""


@dataclass(slots=True)
class Budget:
    """Steps that may still be tried to find out whether an order can be improved."""

    left: int


@dataclass(frozen=True, slots=True)
class _State:
    """Units that have run.

    peak   the most bytes that were live on the way, or that are certain to be later
    live   bytes that are live now
    ready  the units that can run next
    """

    peak: int
    live: int
    done: Units
    ready: Units
    way: Way = None


def best(condensed: Condensed, given: Sequence[int], done: Units, live: int, budget: Budget) -> tuple[int, ...]:
    """The units `given`, a legal order, in the order with the least peak; as given where no order has a lower one.

    done, live  the units that ran before them and the bytes that are live then

    First a beam search, whose order counts if it meets the lower bound or the budget runs out; between those an exact
    search that visits only what can still be better.
    """
    floor = max(live, *(condensed.least(unit) for unit in given))
    ready = sum(1 << unit for unit in given if not condensed.before[unit] & ~done)
    search = _Search(condensed, _State(floor, live, done, ready), done | sum(1 << unit for unit in given))
    found = search.along(given)
    if found.peak > floor:
        found = min(found, search.beam(max(1, min(WIDTH, BEAM // len(given) ** 2))), key=lambda state: state.peak)
    if found.peak > floor:
        found = search.exact(found, budget)
    return tuple(_units(found.way))


@dataclass(frozen=True, slots=True)
class _Search:
    """From one set of units to another."""

    condensed: Condensed
    begin: _State
    end: Units

    def along(self, order: Iterable[int]) -> _State:
        state = self.begin
        for unit in order:
            state = self._after(state, unit)
        return state

    def beam(self, width: int) -> _State:
        """Step by step from the beginning, with the best of those sets that are as many steps away."""
        finished: list[_State] = []
        states = [self.begin]
        while states:
            reached: dict[Units, _State] = {}
            for state in map(self._settled, states):
                if state.done == self.end:
                    finished.append(state)
                for there in self._next(state):
                    known = reached.get(there.done)
                    if known is None or there.peak < known.peak:
                        reached[there.done] = there
            states = heapq.nsmallest(width, reached.values(), key=lambda s: (s.peak, s.live, s.done))
        return min(finished, key=lambda state: state.peak)

    def exact(self, known: _State, budget: Budget) -> _State:
        """The best state at the end; `known` where nothing is better or the budget is spent."""
        numbers = count()
        waiting = [(self.begin.peak, 0, next(numbers), self.begin)]
        reached: dict[Units, int] = {}
        visited: set[Units] = set()
        while waiting and budget.left > 0:
            state = heapq.heappop(waiting)[-1]
            if state.peak > reached.get(state.done, state.peak):
                continue
            state = self._settled(state)
            if state.done == self.end:
                return state
            if state.done in visited:
                continue
            visited.add(state.done)
            budget.left -= state.ready.bit_count()
            for there in self._next(state):
                if there.peak < min(known.peak, reached.get(there.done, known.peak)):
                    reached[there.done] = there.peak
                    heapq.heappush(waiting, (there.peak, -there.done.bit_count(), next(numbers), there))
        return known

    def _next(self, state: _State) -> Iterator[_State]:
        return (self._after(state, unit) for unit in members(state.ready))

    def _after(self, state: _State, unit: int) -> _State:
        peak, live = self.condensed.step(unit, state.done, state.live)
        done, ready = state.done | 1 << unit, state.ready & ~(1 << unit)
        for follower in self.condensed.nexts[unit]:
            if not self.condensed.before[follower] & ~done and self.end >> follower & 1:
                ready |= 1 << follower
        return _State(max(state.peak, peak), live, done, ready, (state.way, unit))

    def _settled(self, state: _State) -> _State:
        """The state after every unit that it can only be good to run at once: one that leaves no more bytes than it
        found, below the peak. Later it would free no more, and what runs before it would have more beside it."""
        moved = True
        while moved:
            moved = False
            for unit in members(state.ready):
                peak, live = self.condensed.step(unit, state.done, state.live)
                if peak <= state.peak and live <= state.live:
                    state, moved = self._after(state, unit), True
        return state


def _units(way: Way) -> list[int]:
    found = []
    while way is not None:
        way, unit = way
        found.append(unit)
    return found[::-1]
