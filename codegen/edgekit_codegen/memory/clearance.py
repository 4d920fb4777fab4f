"""How near two buffers may lie to each other: farther apart than nothing only as far as their living rows need it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .buffer import Buffer, spans_of

APART = -(1 << 40)
"""A clearance that no two offsets fall short of."""


def clearances(items: Sequence[Buffer]) -> npt.NDArray[np.int64]:
    """[i, j] = the least offset of j minus that of i at which j lies above i: wherever a row of i and one of j live at
    the same time, the row of j begins at or behind the end of the row of i. APART where no two rows ever do.

    Whoever places i and j chooses one of the two orders. A buffer whose first rows are needed late may so begin in the
    midst of one whose first rows have died by then: an output that overwrites what its input no longer needs.
    """
    n = len(items)
    result = np.full((n, n), APART, np.int64)
    first = np.array([b.first for b in items], np.int64)
    last = np.array([b.last for b in items], np.int64)
    together = (first[:, None] <= last) & (first <= last[:, None])
    for i, j in zip(*np.nonzero(np.triu(together, 1)), strict=True):
        a, b = items[i], items[j]
        if a.spans is None and b.spans is None:
            result[i, j], result[j, i] = a.size, b.size
        else:
            result[i, j], result[j, i] = _pair(a, b)
    return result


def _pair(a: Buffer, b: Buffer) -> tuple[int, int]:
    """The clearance of b above a, and of a above b, in whole words."""
    p, q = spans_of(a), spans_of(b)
    meet = (p.first[:, None] <= q.last) & (q.first <= p.last[:, None])
    above = np.where(meet, p.end[:, None] - q.begin, APART).max()
    below = np.where(meet, q.end - p.begin[:, None], APART).max()
    return _aligned(int(above)), _aligned(int(below))


def _aligned(clearance: int) -> int:
    return clearance if clearance == APART else -(-clearance // 4) * 4
