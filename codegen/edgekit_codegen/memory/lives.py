"""When every row of every tensor is written and read for the last time, in closed form from the operators' rules.

Times are integers that grow along the inference: the calls of kernels, each at a time of its own, in the order in which
the schedule makes them. SPAN of them belong to every step (top-level node) of the schedule; before step 0 is ENTRY, when
the caller fills the inputs, behind the last step is the end, when the outputs are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import CodegenError
from ..ir.region import Box
from ..ir.types import Graph, TensorId
from ..ops import TABLE
from ..schedule import walk
from ..schedule.reach import NEVER, Index, reach
from ..schedule.types import Accumulate, Affine, AffineBox, Copy, Due, Loop, Node, Pull, Push, Run, Schedule

SPAN = 1 << 24
"""Times of one step."""

ENTRY = -1
"""The time before the first step."""


def step_of(time: int) -> int:
    """The step of the schedule that a time belongs to; -1 before the first one."""
    return time // SPAN


@dataclass(frozen=True, slots=True, eq=False)
class RowLives:
    """Per row of a tensor: the time at which it is written, and the last one at which it is read (or written)."""

    born: Index
    dies: Index


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """The times at which an operator begins and ends to compute each row of its output.

    They are the same, a time of the row's own, but where a loop computes several rows at once: there every row begins
    with the loop's step and ends with it.
    """

    op: int
    first: Index
    last: Index


@dataclass(slots=True)
class Lives:
    """The lives of a schedule's rows.

    calls     by operator
    rows      by tensor, with those of views and slices that run no code
    readings  (operator, operand) -> per row of the operand, the last time at which that operator reads it, or ENTRY
    end       the time at which the outputs are read
    """

    end: int
    calls: dict[int, Call] = field(default_factory=dict)
    rows: dict[TensorId, RowLives] = field(default_factory=dict)
    readings: dict[tuple[int, TensorId], Index] = field(default_factory=dict)


Readers = dict[tuple[int, int], Index]
"""(operator, position of an operand) -> the last output row that reads each row of it; the same for all schedules."""


def lives(graph: Graph, schedule: Schedule, readers: Readers | None = None) -> Lives:
    """The lives of all rows. readers: kept from one schedule of a graph to the next.

    Raises CodegenError for copies, and for transfers of rows outside a stream, which are not placed yet.
    """
    found = Lives(len(walk.nodes(schedule)) * SPAN)
    for ident in graph.inputs:
        found.rows[ident] = _all_rows(graph, ident, ENTRY, ENTRY)
    known: Readers = {} if readers is None else readers
    for call in _calls(graph, schedule):
        if isinstance(call, Call):
            _add_call(graph, call, found, known)
        elif isinstance(call.node, Pull):
            found.rows[call.node.tensor] = RowLives(call.times, call.times)
        else:
            _extend(found, call.node.tensor, call.times)
    for ident in set(graph.outputs) - walk.streamed(schedule):
        _extend(found, ident, np.full(graph.tensors[ident].hwc[0], found.end, np.int64))
    return found


def _all_rows(graph: Graph, ident: TensorId, born: int, dies: int) -> RowLives:
    rows = graph.tensors[ident].hwc[0]
    return RowLives(np.full(rows, born, np.int64), np.full(rows, dies, np.int64))


def _extend(found: Lives, ident: TensorId, read: Index) -> None:
    """Rows are read at those times; ENTRY where they are not. A view begins when it is read: its family knows better."""
    known = found.rows.get(ident, RowLives(np.where(read == ENTRY, found.end, read), read))
    found.rows[ident] = RowLives(known.born, np.maximum(known.dies, read))


def _add_call(graph: Graph, call: Call, found: Lives, readers: Readers) -> None:
    op = graph.ops[call.op]
    found.calls[call.op] = call
    for ident in op.outputs:
        known = found.rows.get(ident)
        found.rows[ident] = RowLives(call.first, call.last if known is None else np.maximum(known.dies, call.last))
    for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
        if tensor.is_constant:
            continue
        if (call.op, position) not in readers:
            readers[call.op, position] = reach(graph, op, position).last_reader(tensor.hwc[0])
        reader = readers[call.op, position]
        read = np.where(reader == NEVER, ENTRY, call.last[reader])
        key = call.op, tensor.id
        found.readings[key] = np.maximum(found.readings[key], read) if key in found.readings else read
        _extend(found, tensor.id, read)


@dataclass(frozen=True, slots=True, eq=False)
class _Transfer:
    node: Pull | Push
    times: Index


def _calls(graph: Graph, schedule: Schedule) -> Iterator[Call | _Transfer]:
    """Every operator, and every streamed tensor, once, in the order of their first node."""
    coarse: dict[int, Call] = {}
    for step, node in enumerate(walk.nodes(schedule)):
        begin = step * SPAN
        if isinstance(node, Run) and _is_whole(graph, node):
            times = begin + np.arange(graph.result(graph.ops[node.op]).hwc[0], dtype=np.int64)
            yield Call(node.op, times, times)
        elif isinstance(node, Loop) and all(_is_paced(graph, node, child) for child in node.body):
            yield from _paced(node, begin)
        else:
            for leaf in walk.leaves(node):
                if not isinstance(leaf, Run):
                    raise CodegenError("plan.schedule", f"the planner does not place {type(leaf).__name__} nodes here")
                rows = graph.result(graph.ops[leaf.op]).hwc[0]
                since = coarse[leaf.op].first if leaf.op in coarse else np.full(rows, begin, np.int64)
                coarse[leaf.op] = Call(leaf.op, since, np.full(rows, begin + SPAN - 1, np.int64))
                yield coarse[leaf.op]


def _is_whole(graph: Graph, run: Run) -> bool:
    whole = AffineBox.constant(Box.of(graph.result(graph.ops[run.op]).hwc))
    return run.acc is Accumulate.NONE and run.box == whole


def _is_paced(graph: Graph, loop: Loop, node: Node) -> bool:
    """Whether a node computes or moves whole rows of one tensor, one by one, all of them."""
    if not isinstance(node, Due) or node.of != loop.var or len(node.body) != 1:
        return False
    (leaf,) = node.body
    row, after = Affine(0, ((node.var, 1),)), Affine(1, ((node.var, 1),))
    if node.first < 0 or node.first + (node.n - 1) * node.period >= loop.n:
        return False
    if isinstance(leaf, Pull | Push):
        return leaf.row == row and node.n == graph.tensors[leaf.tensor].hwc[0]
    if not isinstance(leaf, Run) or leaf.acc is not Accumulate.NONE:
        return False
    rows, pixels, channels = graph.result(graph.ops[leaf.op]).hwc
    whole = AffineBox(row, after, Affine(0), Affine(pixels), Affine(0), Affine(channels))
    return leaf.box == whole and node.n == rows


def _paced(loop: Loop, begin: int) -> Iterator[Call | _Transfer]:
    for place, node in enumerate(loop.body):
        assert isinstance(node, Due)
        times = begin + (node.first + np.arange(node.n, dtype=np.int64) * node.period) * len(loop.body) + place
        (leaf,) = node.body
        if isinstance(leaf, Run):
            yield Call(leaf.op, times, times)
        elif isinstance(leaf, Pull | Push):
            yield _Transfer(leaf, times)


def ring_rows(life: RowLives) -> int:
    """The least number of slots such that row y may live in slot y mod slots: no row is written before the one that
    it replaces has died."""
    if (np.diff(life.born) < 0).any():
        return len(life.born)
    alive = np.searchsorted(life.born, life.dies, side="right") - np.arange(len(life.born))
    return max(1, int(alive.max()))


def merged(parts: Sequence[RowLives]) -> RowLives:
    """The lives of rows that several tensors share, row by row."""
    if len(parts) == 1:
        return parts[0]
    return RowLives(np.minimum.reduce([p.born for p in parts]), np.maximum.reduce([p.dies for p in parts]))
