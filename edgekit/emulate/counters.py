"""Exact instruction counts from a trace of basic blocks.

Unicorn calls back at the begin of every basic block. That is the one hot path of the emulator, so all that it does is
append the block's address to the trace. The trace is evaluated with numpy whenever someone needs a figure.

How long a block is comes from the engine, which announces each block that it translates. An instruction in an IT block
counts whether or not its condition holds, as it takes its slot in the pipeline either way.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .classes import Cycles, cost
from .isa_check import Listing
from .tally import Tally

_FLUSH = 1 << 22  # blocks; a longer trace is evaluated when there is a chance to, to bound its memory


@dataclass(frozen=True, slots=True)
class Marks:
    """Counts of one inference.

    instructions  executed per layer, exact: from the return of the layer's mark to the next mark's entry
    cycles        estimated per layer from the core's cost table, rounded; None without a table
    complete      whether the inference came to its end
    """

    instructions: tuple[int, ...]
    cycles: tuple[int, ...] | None
    complete: bool

    @property
    def total_instructions(self) -> int:
        return sum(self.instructions)


class Counter:
    """Counts what has been executed, in all and per layer.

    listing  the image's instructions
    cycles   class -> cycles, for estimates; None without. ConfigError where a class runs that the core has none of
    """

    def __init__(self, listing: Listing, cycles: Cycles | None) -> None:
        self.trace: array[int] = array("I")
        self.total = 0
        self.layer: int | None = None
        self._listing = listing
        self._cycles = cycles
        self._blocks: dict[int, int] = {}  # block address -> row in the tables below
        self._size: list[int] = []
        self._count: list[int] = []
        self._cost: list[float] = []
        self._not_taken: list[float] = []  # what is saved where the block's last branch falls through
        self._tables: tuple[npt.NDArray[np.float64], ...] | None = None
        self._addresses: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._last = 0  # the block that the evaluated trace ends with
        self._in_progress = False  # that block was evaluated before it came to its end
        self._falls_to: tuple[int, float] | None = None  # its end, and what is saved where the next one begins there
        self._resume_at: int | None = None
        self._instructions: dict[int, int] = {}
        self._estimates: dict[int, float] = {}
        self._complete = False
        self._tally: Tally | None = None

    def translated(self, address: int, size: int, count: int) -> None:
        """The engine translated a block of `size` bytes and `count` instructions at `address`."""
        row = self._blocks.get(address)
        if row is not None and self._size[row] == size and self._count[row] == count:
            return
        if row is not None:
            self.flush()  # what is in the trace ran as the old block
        self._blocks[address] = len(self._size)
        self._size.append(size)
        self._count.append(count)
        body, saved = self._block_cost(address, size)
        self._cost.append(body)
        self._not_taken.append(saved)
        self._tables = None

    def _block_cost(self, address: int, size: int) -> tuple[float, float]:
        if self._cycles is None:
            return 0.0, 0.0
        span = self._listing.span(address, address + size)
        body = sum(cost(self._listing.counts[i], self._cycles) for i in span)
        if not span or self._listing.addresses[span[-1]] not in self._listing.conditional:
            return body, 0.0
        return body, cost((("branch_taken", 1),), self._cycles) - cost((("branch_not_taken", 1),), self._cycles)

    def crowded(self) -> bool:
        """Whether the trace is long enough that flush() should be called soon."""
        return len(self.trace) >= _FLUSH

    def flush(self) -> None:
        """Add the trace to the counts."""
        if self.trace:
            self._add(self._take())

    def _take(self) -> npt.NDArray[np.uint32]:
        trace = np.array(self.trace, np.uint32)
        self._last = self.trace[-1]
        del self.trace[:]
        return trace

    def last_end(self, but: int | None = None) -> int:
        """Where the last block ends that was executed, one that begins at `but` aside."""
        ran = [address for address in self.trace[-2:] if address != but]
        last = ran[-1] if ran else self._last
        return last + self._size[self._blocks[last]] if last in self._blocks else 0

    def before(self, pc: int) -> int:
        """Instructions executed before the one at pc, which is in the current block."""
        self.flush()
        self._in_progress = True
        end = self.last_end()
        return self.total - (self._listing.count(pc, end) if self._last <= pc < end else 0)

    def retract(self, pc: int) -> None:
        """The engine stopped in the last block, before executing pc: what is left of the block was not executed."""
        if not self.trace and not self._in_progress:
            return
        last = self.trace[-1] if self.trace else self._last
        self._in_progress = False
        end = last + self._size[self._blocks[last]]
        if last <= pc < end:
            self.flush()
            self._falls_to = None
            left = self._listing.count(pc, end)
            spent = self._block_cost(pc, end - pc)[0] if self._cycles is not None else 0.0
            self.total -= left
            if self._tally is not None:
                self._tally.span(pc, end, -1)
            if self.layer is not None and self._resume_at is None:
                self._instructions[self.layer] -= left
                self._estimates[self.layer] -= spent

    def mark(self, layer: int, n_layers: int, entry: int, resume_at: int) -> Marks | None:
        """The firmware called its mark function, at `entry`, for `layer`; it will return to `resume_at`.

        Returns the inference's counts when this was the mark behind its last layer.
        """
        self._leave(entry)
        if layer >= n_layers:
            self._complete = self.layer is not None
            self.layer, self._resume_at = None, None
            return self.marks()
        if self.layer is None:
            self._instructions = dict.fromkeys(range(n_layers), 0)
            self._estimates = dict.fromkeys(range(n_layers), 0.0)
            self._complete = False
        self.layer, self._resume_at = layer, resume_at
        return None

    def pause(self, entry: int, resume_at: int) -> None:
        """The firmware waits for a row, or until one is taken, in a function at `entry` that will return to
        `resume_at`: what runs in between belongs to no layer."""
        self._leave(entry)
        self._resume_at = resume_at

    def _leave(self, entry: int) -> None:
        """Evaluate what ran before the function at `entry`, whose first block counts for no layer."""
        if self.trace and self.trace[-1] == entry:
            self.trace.pop()
            self.flush()
            self._falls_to = None
            self.total += self._count[self._blocks[entry]]
            if self._tally is not None:
                self._tally.add(np.array([entry], np.uint32), np.array([self._size[self._blocks[entry]]]))
            self._last, self._in_progress = entry, True
        else:
            self.flush()

    def tally(self, pc: int | None) -> None:
        """Count by class from the instruction at pc on, which is in the current block; None: from the next block on."""
        self.flush()
        self._tally = Tally(self._listing)
        if pc is not None and self._last <= pc < self.last_end():
            self._tally.add(np.array([pc], np.uint32), np.array([self.last_end() - pc]))

    def tallied(self, pc: int) -> Mapping[str, int]:
        """What ran since tally(), up to the instruction at pc in the current block: class -> how often."""
        self.flush()
        assert self._tally is not None
        if self._last <= pc < self.last_end():
            self._tally.span(pc, self.last_end(), -1)
        tally, self._tally = self._tally, None
        return tally.classes()

    def marks(self) -> Marks:
        """The last inference's counts, as far as it got."""
        estimates = tuple(round(c) for c in self._estimates.values()) if self._cycles is not None else None
        return Marks(tuple(self._instructions.values()), estimates, self._complete)

    def forget(self) -> None:
        """A reset: an inference in progress is gone."""
        self.flush()
        self.layer, self._resume_at = None, None
        self._in_progress = False

    def _add(self, trace: npt.NDArray[np.uint32]) -> None:
        counts, costs, saved, sizes = self._lookup()
        at = np.minimum(np.searchsorted(self._addresses, trace), len(self._addresses) - 1)
        if not np.array_equal(self._addresses[at], trace):
            raise AssertionError("a block was executed that the engine had not announced")
        rows = self._rows[at]
        executed = counts[rows]
        self.total += int(executed.sum())
        if self._tally is not None:
            self._tally.add(trace, sizes[rows].astype(np.int64))
        if self.layer is None:
            return
        first, fell = 0, self._falls_to
        self._falls_to = None
        if self._resume_at is not None:
            returned = np.flatnonzero(trace == self._resume_at)
            if not returned.size:
                return
            first, self._resume_at = int(returned[0]), None
        self._instructions[self.layer] += int(executed[first:].sum())
        if self._cycles is not None:
            estimate = float(costs[rows[first:]].sum())
            falls = trace[first + 1 :] == trace[first:-1] + sizes[rows[first:-1]].astype(np.uint32)
            self._estimates[self.layer] += estimate - float(saved[rows[first:-1]][falls].sum())
            if fell is not None and fell[0] == int(trace[0]):
                self._estimates[self.layer] -= fell[1]
            self._falls_to = int(trace[-1]) + int(sizes[rows[-1]]), float(saved[rows[-1]])

    def _lookup(self) -> tuple[npt.NDArray[np.float64], ...]:
        if self._tables is None:
            order = sorted(self._blocks.items())
            self._addresses = np.array([address for address, _ in order], np.uint32)
            self._rows = np.array([row for _, row in order], np.int64)
            self._tables = tuple(
                np.array(t, np.float64) for t in (self._count, self._cost, self._not_taken, self._size)
            )
        return self._tables
