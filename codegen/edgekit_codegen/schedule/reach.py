"""Which rows of an operand the rows of an output read: the closed form that schedules and lifetimes are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from ..ops import TABLE
from ..ops.record import Rows, Window

Index = npt.NDArray[np.int64]

NEVER = -1
"""In place of an output row: no row reads it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Per output row, the first and the last operand row that it reads, both within the operand.

    A row that reads nothing but padding has `high < low`. Rows between the two count as read even where a dilated
    window passes over them.
    """

    low: Index
    high: Index

    def last_reader(self, rows: int) -> Index:
        """Per operand row, the last output row that reads it, NEVER where none does. rows: of the operand."""
        last = np.full(rows, NEVER, np.int64)
        for y, (low, high) in enumerate(zip(self.low.tolist(), self.high.tolist(), strict=True)):
            last[low : high + 1] = y
        return last


def reach(graph: Graph, op: Op, position: int) -> Reach:
    """The rows of one operand (by its position among the kernel's) that each row of the output reads."""
    record = TABLE[op.kind]
    access = record.access(graph, op)
    rows = record.operands(graph, op)[position].hwc[0]
    y = np.arange(graph.result(op).hwc[0], dtype=np.int64)
    if isinstance(access, Rows):
        chosen = access.maps[position]
        read = y if chosen is None else np.array([chosen.at(i) for i in y.tolist()], np.int64)
        return Reach(read, read)
    if not isinstance(access, Window):
        return Reach(np.zeros_like(y), np.full_like(y, rows - 1))
    top = np.zeros_like(y)
    if access.images is not None:
        _, rows, out_rows = access.images
        top, y = y // out_rows * rows, y % out_rows
    first = (y * access.stride - access.pad) // (access.up or 1)
    last = first + (access.kernel - 1) * access.dilation
    return Reach(top + np.maximum(first, 0), top + np.minimum(last, rows - 1))
