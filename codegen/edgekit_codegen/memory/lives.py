"""When every row of every tensor is written and read for the last time, in closed form from the operators' rules.

Times are integers that grow along the inference: the calls of kernels, each at a time of its own, in the order in which
the schedule makes them. SPAN of them belong to every step (top-level node) of the schedule; before step 0 is ENTRY,
when the caller fills the inputs, behind the last step is the end, when the outputs are read.
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
from ..schedule.reach import NEVER, Index, Reaches
from ..schedule.types import Accumulate, Affine, AffineBox, Due, Loop, Node, Pull, Push, Run, Schedule

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

    calls  by operator
    rows   by tensor, with those of views and slices that run no code
    end    the time at which the outputs are read
    """

    end: int
    calls: dict[int, Call] = field(default_factory=dict)
    rows: dict[TensorId, RowLives] = field(default_factory=dict)


def lives(graph: Graph, schedule: Schedule, reaches: Reaches | None = None) -> Lives:
    """The lives of all rows. reaches: kept from one schedule of a graph to the next.

    Raises CodegenError for copies, and for transfers of rows outside a stream, which are not placed yet.
    """
    found = Lives(len(walk.nodes(schedule)) * SPAN)
    for ident in graph.inputs:
        found.rows[ident] = _all_rows(graph, ident, ENTRY, ENTRY)
    known = reaches or Reaches()
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
    """Rows are read at those times, ENTRY where they are not. A view begins where it is read."""
    known = found.rows.get(ident, RowLives(np.where(read == ENTRY, found.end, read), read))
    found.rows[ident] = RowLives(known.born, np.maximum(known.dies, read))


def _add_call(graph: Graph, call: Call, found: Lives, reaches: Reaches) -> None:
    op = graph.ops[call.op]
    found.calls[call.op] = call
    for ident in op.outputs:
        known = found.rows.get(ident)
        found.rows[ident] = RowLives(call.first, call.last if known is None else np.maximum(known.dies, call.last))
    for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
        if tensor.is_constant:
            continue
        readers = reaches.of(graph, op, position)
        times = np.maximum(call.last[readers.first], call.last[readers.last])  # of all, as rows run up or down
        read = np.where(readers.last == NEVER, ENTRY, times)
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
        elif isinstance(node, Loop) and (paced := _paced(graph, node, begin)) is not None:
            yield from paced
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


def _order(graph: Graph, node: Node, var: str, n: int) -> Index | None:
    """The rows that a node computes or moves, one for every value 0 .. n-1 of a variable; None unless these are all
    rows of a tensor, whole, up or down."""
    if isinstance(node, Pull | Push):
        rows, begin = graph.tensors[node.tensor].hwc[0], node.row
    elif isinstance(node, Run) and node.acc is Accumulate.NONE:
        rows, pixels, channels = graph.result(graph.ops[node.op]).hwc
        begin = node.box.y0
        after = Affine(begin.const + 1, begin.terms)
        if node.box != AffineBox(begin, after, Affine(0), Affine(pixels), Affine(0), Affine(channels)):
            return None
    else:
        return None
    if rows != n or begin not in (Affine(0, ((var, 1),)), Affine(n - 1, ((var, -1),))):
        return None
    return np.array([begin.at({var: value}) for value in range(n)], np.int64)


def _paced(graph: Graph, loop: Loop, begin: int) -> list[Call | _Transfer] | None:
    """The times of a loop in which each node takes the rows of one tensor one by one; None for any other loop."""
    made: list[Call | _Transfer] = []
    for place, child in enumerate(loop.body):
        node, var, pace = child, loop.var, (0, 1, loop.n)
        if isinstance(child, Due) and len(child.body) == 1:
            node, var, pace = child.body[0], child.var, (child.first, child.period, child.n)
        first, period, n = pace
        order = _order(graph, node, var, n)
        if order is None or first < 0 or first + (n - 1) * period >= loop.n:
            return None
        times = np.empty(n, np.int64)
        times[order] = begin + (first + np.arange(n, dtype=np.int64) * period) * len(loop.body) + place
        if isinstance(node, Run):
            made.append(Call(node.op, times, times))
        elif isinstance(node, Pull | Push):
            made.append(_Transfer(node, times))
    return made


def ring_rows(life: RowLives) -> int:
    """The least number of slots such that row y may live in slot y mod slots: no row is written before the one that
    it replaces has died."""
    born, dies = (life.born, life.dies) if life.born[0] <= life.born[-1] else (life.born[::-1], life.dies[::-1])
    if (np.diff(born) < 0).any():
        return len(born)
    alive = np.searchsorted(born, dies, side="right") - np.arange(len(born))
    return max(1, int(alive.max()))


def merged(parts: Sequence[RowLives]) -> RowLives:
    """The lives of rows that several tensors share, row by row."""
    if len(parts) == 1:
        return parts[0]
    return RowLives(np.minimum.reduce([p.born for p in parts]), np.maximum.reduce([p.dies for p in parts]))
