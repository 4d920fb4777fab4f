"""How near two buffers may lie to each other: farther apart than nothing only as far as their living rows need it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..schedule.reach import Index
from .buffer import Buffer, spans_of

APART = -(1 << 40)
"""A clearance that no two offsets fall short of."""

CHUNK = 1 << 20
"""Numbers that are worked on at a time."""


def clearances(items: Sequence[Buffer]) -> Index:
    """[i, j] = the least offset of j minus that of i at which j lies above i: wherever a row of i and one of j live at
    the same time, the row of j begins at or behind the end of the row of i. APART where no two rows ever do.

    Whoever places i and j chooses one of the two orders. A buffer whose first rows are needed late may so begin in the
    midst of one whose first rows have died by then: an output that overwrites what its input no longer needs.
    """
    first, last = (np.array([getattr(item, name) for item in items], np.int64) for name in ("first", "last"))
    together = (first[:, None] <= last) & (first <= last[:, None])
    size = np.array([item.size for item in items], np.int64)
    result = np.where(together, size[:, None], APART)
    parts = [i for i, item in enumerate(items) if item.spans is not None]
    if parts:
        low, high = _extents(items)
        for i in parts:
            others = np.flatnonzero(together[i])
            shared = (high[np.ix_(others, np.flatnonzero(high[i] > 0))] > 0).any(axis=1)
            together[i, others] = together[others, i] = shared
        result = np.where(together, high.max(axis=1)[:, None] - low.min(axis=1), APART)
        for i in parts:
            if items[i].spans is not None and np.ptp(spans_of(items[i]).begin) > 0:
                _move(i, np.flatnonzero(together[i]), low, high, result)
    np.fill_diagonal(result, APART)
    return np.where(result == APART, APART, -(-result // 4) * 4)


def _move(i: int, others: Index, low: Index, high: Index, result: Index) -> None:
    """The clearances of a buffer whose rows are not all in the same bytes."""
    times = np.flatnonzero(high[i] > 0)
    step = max(CHUNK // len(times), 1)
    for some in (others[n : n + step] for n in range(0, len(others), step)):
        here = np.ix_(some, times)
        result[i, some] = (high[i, times] - low[here]).max(axis=1)
        result[some, i] = (high[here] - low[i, times]).max(axis=1)


def _extents(items: Sequence[Buffer]) -> tuple[Index, Index]:
    """[i, t] = the lowest byte of i that lives at a time, and the end of the highest; -APART and APART where none does.

    The times are those at which something begins to live, and something dies before the next thing begins to.
    """
    spans = [spans_of(item) for item in items]
    born, dies = (np.concatenate(times) for times in ([s.first for s in spans], [s.last for s in spans]))
    times = np.unique(born)
    times = times[np.unique(np.searchsorted(times, dies, side="right") - 1)]
    low: npt.NDArray[np.int64] = np.full((len(items), len(times)), -APART, np.int64)
    high = np.full_like(low, APART)
    begin, end = np.searchsorted(times, born).tolist(), np.searchsorted(times, dies, side="right").tolist()
    part = 0
    for n, s in enumerate(spans):
        lower, upper = low[n], high[n]
        for bottom, top in zip(s.begin.tolist(), s.end.tolist(), strict=True):
            here = slice(begin[part], end[part])
            np.minimum(lower[here], bottom, out=lower[here])
            np.maximum(upper[here], top, out=upper[here])
            part += 1
    return low, high
