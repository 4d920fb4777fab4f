"""Two rows that are computed at once (Kernel.couples), as if one came after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgekit.emulate.trace import Step

Index = npt.NDArray[np.int64]


def row_by_row(
    step: Step, first: Index, read: Sequence[Index], written: Sequence[Index], fail: Callable[[int, str], None]
) -> Step:
    """The step with what the kernel does ahead for a row moved behind the row before: loads of its input, and stores of
    its output. All else serves the earliest row that is not done.

    first          per access, the position of its first byte
    read, written  per row that is computed, the positions of its input's and its output's bytes
    fail           called with a store that comes ahead to what a row before still loads
    """
    row = np.full(len(first), len(read), np.int64)
    for number in reversed(range(len(read))):
        row[~step.write & np.isin(first, read[number])] = number
        row[step.write & np.isin(first, written[number])] = number
    serves = np.minimum.accumulate(row[::-1])[::-1] if len(row) else row
    known = row < len(read)
    serves[known] = row[known]
    for number in range(len(read) - 1):
        behind = np.flatnonzero(serves <= number)
        ahead = np.flatnonzero(step.write & (serves > number))
        ahead = ahead[ahead < behind[-1]] if len(behind) else ahead[:0]
        if len(ahead):
            later = behind[(behind > ahead[0]) & ~step.write[behind]]
            for store in ahead:
                distance = first[later[later > store]] - first[store]
                if ((distance < step.size[store]) & (-distance < 4)).any():
                    fail(int(store), "overwrites for the next row what this one still loads")
    order = np.argsort(serves, kind="stable")
    return replace(step, pc=step.pc[order], address=step.address[order], size=step.size[order], write=step.write[order])
