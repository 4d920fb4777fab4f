"""How often each instruction class ran, from the same trace of basic blocks that counts instructions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from .classes import CLASSES
from .isa_check import Listing

_COLUMN = {name: i for i, name in enumerate(CLASSES)}
_TAKEN, _NOT_TAKEN = _COLUMN["branch_taken"], _COLUMN["branch_not_taken"]

Vector = npt.NDArray[np.int64]


class Tally:
    """Counts by class. A block's last branch counts as taken until the next block begins right behind it."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._sum = np.zeros(len(CLASSES), np.int64)
        self._blocks: dict[tuple[int, int], Vector] = {}
        self._falls_to: int | None = None  # where the last block ends, if in a branch that may fall through

    def add(self, trace: npt.NDArray[np.uint32], sizes: npt.NDArray[np.int64]) -> None:
        """Blocks that ran one after the other: their addresses, and their sizes in bytes."""
        ends = trace.astype(np.int64) + sizes
        pairs, times = np.unique(np.stack([trace.astype(np.int64), ends]), axis=1, return_counts=True)
        for start, end, n in zip(*pairs.tolist(), times.tolist(), strict=True):
            self.span(start, end, n)
        branches = np.isin(ends, [end for end in set(pairs[1].tolist()) if self._conditional(end)])
        self._fell(int((branches[:-1] & (trace[1:] == ends[:-1])).sum()))
        self._fell(int(self._falls_to == int(trace[0])))
        self._falls_to = int(ends[-1]) if branches[-1] else None

    def span(self, start: int, end: int, times: int) -> None:
        """The instructions from start to end ran so often; a negative number takes back."""
        if (start, end) not in self._blocks:
            self._blocks[start, end] = _vector(self._listing.counts[i] for i in self._listing.span(start, end))
        self._sum += times * self._blocks[start, end]
        if times < 0:
            self._falls_to = None  # the block's end was not reached

    def classes(self) -> Mapping[str, int]:
        """Class -> how often it ran."""
        return {name: int(n) for name, n in zip(CLASSES, self._sum, strict=True)}

    def _fell(self, times: int) -> None:
        self._sum[_TAKEN] -= times
        self._sum[_NOT_TAKEN] += times

    def _conditional(self, end: int) -> bool:
        return self._listing.before(end) in self._listing.conditional


def _vector(instructions: Iterable[tuple[tuple[str, int], ...]]) -> Vector:
    vector = np.zeros(len(CLASSES), np.int64)
    for counts in instructions:
        for name, n in counts:
            vector[_COLUMN[name]] += n
    return vector
