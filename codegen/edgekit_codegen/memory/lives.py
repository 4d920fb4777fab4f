"""When every row of every tensor is written and read for the last time, in closed form from the operators' rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Tensor, TensorId
from ..ops import TABLE
from ..schedule import walk
from ..schedule.reach import NEVER, Index, Reach, Reaches
from ..schedule.types import Copy, Pull, Schedule
from .calls import ENTRY, SPAN, Call, Transfer, calls


@dataclass(frozen=True, slots=True, eq=False)
class RowLives:
    """Per row of a tensor: the time at which it is written, and the last one at which it is read (or written). Of a
    tensor in tiles the same per turn of its writer."""

    born: Index
    dies: Index


@dataclass(slots=True)
class Lives:
    """The lives of a schedule's rows.

    calls  by operator
    tiled  the tensors of which only tiles are there
    moved  the moves into their rings, of tensors whose rows lie somewhere else before
    rows   by tensor, with those of views and slices that run no code
    end    the time at which the outputs are read
    """

    end: int
    calls: dict[int, Call] = field(default_factory=dict)
    tiled: set[TensorId] = field(default_factory=set)
    moved: dict[TensorId, Transfer] = field(default_factory=dict)
    rows: dict[TensorId, RowLives] = field(default_factory=dict)


def lives(graph: Graph, schedule: Schedule, reaches: Reaches | None = None) -> Lives:
    """The lives of all rows. reaches: kept from one schedule of a graph to the next.

    Raises CodegenError for nodes that are not placed yet (calls.py).
    """
    found = Lives(len(walk.nodes(schedule)) * SPAN)
    for ident in graph.inputs:
        entry = np.full(graph.tensors[ident].hwc[0], ENTRY, np.int64)
        found.rows[ident] = RowLives(entry, entry)
    known = reaches or Reaches()
    for call in calls(graph, schedule):
        if isinstance(call, Call):
            _add_call(graph, call, found, known)
        elif isinstance(call.node, Pull):
            found.rows[call.node.tensor] = RowLives(call.times, call.times)
        else:
            if isinstance(call.node, Copy):
                found.moved[call.node.tensor] = call
            _extend(found, call.node.tensor, np.where(call.stays, ENTRY, call.times))
    for ident in set(graph.outputs) - walk.streamed(schedule):
        _extend(found, ident, np.full(graph.tensors[ident].hwc[0], found.end, np.int64))
    return found


def _extend(found: Lives, ident: TensorId, read: Index) -> None:
    """Rows are read at those times, ENTRY where they are not. A view begins where it is read."""
    known = found.rows.get(ident, RowLives(np.where(read == ENTRY, found.end, read), read))
    found.rows[ident] = RowLives(known.born, np.maximum(known.dies, read))


def _add_call(graph: Graph, call: Call, found: Lives, reaches: Reaches) -> None:
    op = graph.ops[call.op]
    found.calls[call.op] = call
    if call.tile is not None:
        found.tiled.update(op.outputs)
    for ident in op.outputs:
        known = found.rows.get(ident)
        born, written = _written(graph.tensors[ident], call)
        found.rows[ident] = RowLives(born, written if known is None else np.maximum(known.dies, written))
    for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
        if not tensor.is_constant:
            _extend(found, tensor.id, _read(call, tensor, found, reaches.of(graph, op, position)))


def _written(tensor: Tensor, call: Call) -> tuple[Index, Index]:
    """When the bytes of each row (of each turn's tile) are taken, and when they are complete."""
    if call.adds:
        return call.last[-1:], call.last[-1:]
    if call.tile is not None:
        return call.first, call.last if call.tile.slides or call.tile.lines else call.at
    if call.low is None or call.high is None:
        return call.first, call.last
    turn = np.repeat(np.arange(len(call.low)), call.high - call.low + 1)
    return call.first[turn], call.last[turn]


def _read(call: Call, tensor: Tensor, found: Lives, readers: Reach) -> Index:
    """When each row (each turn's tile) of an operand is read for the last time, ENTRY where never."""
    if tensor.id in found.tiled:
        return call.at
    if call.adds:
        return call.last
    if call.low is None or call.high is None:
        times = np.maximum(call.last[readers.first], call.last[readers.last])  # of all, as rows run up or down
        return np.where(readers.last == NEVER, ENTRY, times)
    read = np.full(len(readers.last), ENTRY, np.int64)
    low, high = readers.low[np.minimum(call.low, len(readers.low) - 1)], readers.high[np.maximum(call.high, 0)]
    for begin, end, computed, time in zip(
        low.tolist(), high.tolist(), (call.high >= call.low).tolist(), call.last.tolist(), strict=True
    ):
        if computed:
            read[max(begin, 0) : end + 1] = time
    return read


def ring_rows(life: RowLives) -> int:
    """The least number of slots such that row y may live in slot y mod slots: no row is written before the one that
    it replaces has died. Rows that never live there are born after they die."""
    there = life.born <= life.dies
    if not there.all():
        return next(n for n in range(1, len(there) + 1) if _apart(life, there, n))
    born, dies = (life.born, life.dies) if life.born[0] <= life.born[-1] else (life.born[::-1], life.dies[::-1])
    if (np.diff(born) < 0).any():
        return len(born)
    alive = np.searchsorted(born, dies, side="right") - np.arange(len(born))
    return max(1, int(alive.max()))


def _apart(life: RowLives, there: npt.NDArray[np.bool_], slots: int) -> bool:
    """Whether no two rows live in one of so many slots at a time."""
    rows = np.flatnonzero(there)
    rows = rows[np.lexsort((life.born[rows], rows % slots))]
    alike = np.diff(rows % slots) == 0
    return bool((life.born[rows[1:]] > life.dies[rows[:-1]])[alike].all())


def merged(parts: Sequence[RowLives]) -> RowLives:
    """The lives of rows that several tensors share, row by row."""
    if len(parts) == 1:
        return parts[0]
    return RowLives(np.minimum.reduce([p.born for p in parts]), np.maximum.reduce([p.dies for p in parts]))
