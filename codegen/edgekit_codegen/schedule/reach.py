"""Which rows of an operand the rows of an output read: the closed form that schedules and lifetimes are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..ops.record import Rows, Window

Index = npt.NDArray[np.int64]

T = TypeVar("T")

NEVER = -1
"""In place of an output row: no row reads it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What an operator reads of one operand, row by row.

    low, high    per output row, the first and the last operand row that it reads, both within the operand; a row that
                 reads nothing but padding has high = low - 1, between what the rows before and behind it read, and rows
                 between the two count as read even where a dilated window passes over them
    first, last  per operand row, the first and the last output row that reads it, NEVER where none does
    """

    low: Index
    high: Index
    first: Index
    last: Index


@dataclass(frozen=True, slots=True)
class Stride:
    """For row (or pixel) n of its output, a window reads first + step * n .. first + step * n + size - 1."""

    first: int
    step: int
    size: int


class Reaches:
    """The reaches of a graph and of its parts, and what follows from them, each worked out once."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}
        self._known: dict[tuple[TensorId, int], Reach] = {}
        self._windows: dict[tuple[TensorId, int], tuple[Stride, Stride] | None] = {}

    def window(self, graph: Graph, op: Op, position: int) -> tuple[Stride, Stride] | None:
        """The rows and pixels of an operand that a pixel reads; None where they do not advance evenly."""
        key = op.outputs[0], position
        if key not in self._windows:
            self._windows[key] = window(graph, op, position)
        return self._windows[key]

    def of(self, graph: Graph, op: Op, position: int) -> Reach:
        """What an operator reads of one operand, by its position among the kernel's."""
        key = op.outputs[0], position
        if key not in self._known:
            self._known[key] = reach(graph, op, position)
        return self._known[key]

    def once(self, make: Callable[..., T], graph: Graph, ops: Sequence[int], *given: Hashable) -> T:
        """make(graph, ops, *given, self), which may depend on nothing but these operators and what they are given; they
        have other numbers in each part of the graph."""
        key = make, tuple(ops), graph.ops[ops[0]].outputs, given
        if key not in self._found:
            self._found[key] = make(graph, ops, *given, self)
        found: T = self._found[key]
        return found


def reach(graph: Graph, op: Op, position: int) -> Reach:
    """What an operator reads of one operand, by its position among the kernel's."""
    rows = TABLE[op.kind].operands(graph, op)[position].hwc[0]
    low, high = _bounds(graph, op, position, rows)
    first, last = np.full(rows, NEVER, np.int64), np.full(rows, NEVER, np.int64)
    spans = list(zip(range(len(low)), low.tolist(), high.tolist(), strict=True))
    for y, begin, end in spans:
        last[begin : end + 1] = y
    for y, begin, end in reversed(spans):
        first[begin : end + 1] = y
    return Reach(low, high, first, last)


def window(graph: Graph, op: Op, position: int) -> tuple[Stride, Stride] | None:
    """The rows and pixels of an operand that a pixel reads; None where they do not advance evenly."""
    access, channels = TABLE[op.kind].access(graph, op), graph.result(op).hwc[2]
    if isinstance(access, Window):
        even = access.images is None and access.up is None
    else:
        even = isinstance(access, Rows) and access.maps[position] is None
    if not even:
        return None
    first, second = (
        TABLE[op.kind].input_boxes(graph, op, Box(n, n + 1, n, n + 1, 0, channels))[position] for n in (0, 1)
    )
    return (
        Stride(first.y0, second.y0 - first.y0, first.y1 - first.y0),
        Stride(first.x0, second.x0 - first.x0, first.x1 - first.x0),
    )


def _bounds(graph: Graph, op: Op, position: int, rows: int) -> tuple[Index, Index]:
    access = TABLE[op.kind].access(graph, op)
    y = np.arange(graph.result(op).hwc[0], dtype=np.int64)
    if isinstance(access, Rows):
        chosen = access.maps[position]
        read = y if chosen is None else np.array([chosen.at(i) for i in y.tolist()], np.int64)
        return read, read
    if not isinstance(access, Window):
        return np.zeros_like(y), np.full_like(y, rows - 1)
    top = np.zeros_like(y)
    if access.images is not None:
        _, rows, out_rows = access.images
        top, y = y // out_rows * rows, y % out_rows
    first = (y * access.stride - access.pad) // (access.up or 1)
    last = first + (access.kernel - 1) * access.dilation
    return top + np.clip(first, 0, rows), top + np.clip(last, -1, rows - 1)
