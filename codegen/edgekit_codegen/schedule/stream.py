"""Row streams: several operators in one loop, each computing a row as soon as the rows that it reads are there.

Between them are rings of a few rows instead of whole tensors, and no row is computed twice. Iteration by iteration an
operator is due at first, first + period, ...: the periods follow from the strides along the way, the first iteration
from the windows. This is line buffering as in image pipelines; MCUNetV2 (Lin et al., 2021) saves the same memory with
patches, and computes the rows that patches share more than once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Rows, Whole, Window
from .reach import Reach, Reaches
from .types import Affine, AffineBox, Due, Loop, Node, Pull, Push, Run, Segment

LOOP = "i"

Source = int | TensorId
"""What writes a tensor's rows in a stream: an operator's index, or ~ident of a graph input that is pulled."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A row is due in the iterations first + period * y, y = 0 .. rows-1."""

    first: int
    period: int
    rows: int

    @property
    def end(self) -> int:
        """The iteration behind the last one."""
        return self.first + (self.rows - 1) * self.period + 1


@dataclass(frozen=True, slots=True)
class _Edge:
    """A tensor that one member of a stream writes and another one reads.

    ratio  the reader's period by the writer's, as a fraction; None where one of them has a single row, and so no pace
    """

    writer: Source
    reader: int
    reach: Reach
    ratio: tuple[int, int] | None


def stream(
    graph: Graph,
    ops: Sequence[int],
    pulled: Collection[TensorId] = (),
    pushed: Collection[TensorId] = (),
    reverse: bool = False,
    reaches: Reaches | None = None,
) -> Segment | None:
    """A segment that runs the operators, given in the order of the graph, row by row.

    pulled  graph inputs whose rows arrive one by one; all their readers are among the operators
    pushed  graph outputs whose rows leave one by one; nothing but these operators reads them
    reverse from the last row to the first; nothing is pulled or pushed then
    reaches kept from one stream of a graph to the next

    None where an operator needs the whole of what another one writes, or reads its rows in no steady order.
    """
    edges = _edges(graph, ops, pulled, reaches or Reaches())
    if edges is None:
        return None
    members: tuple[Source, ...] = (*(~ident for ident in pulled), *ops)
    rows = {m: graph.tensors[~m].hwc[0] if m < 0 else graph.result(graph.ops[m]).hwc[0] for m in members}
    periods = _periods(members, edges)
    if periods is None:
        return None
    firsts = _firsts(graph, members, [_mirrored(e) for e in edges] if reverse else edges, periods)
    paces = {m: Pace(firsts[m], periods[m], rows[m]) for m in members}
    numbers = {op: n for n, op in enumerate(i for i, op in enumerate(graph.ops) if TABLE[op.kind].kernel is not None)}
    body = tuple(node for m in members for node in _nodes(graph, m, paces[m], numbers, pushed, reverse))
    return Segment("stream", (Loop(LOOP, max(p.end for p in paces.values()), body),))


def streamable(graph: Graph, op: Op) -> bool:
    """Whether an operator can be in a stream at all: its rows are computed from rows."""
    return TABLE[op.kind].kernel is not None and not isinstance(TABLE[op.kind].access(graph, op), Whole)


def written_rows(graph: Graph) -> dict[TensorId, TensorId]:
    """Tensor -> the tensor whose rows it consists of: itself, or what it shows unchanged, row by row."""
    found: dict[TensorId, TensorId] = {}
    for op in graph.ops:
        found.update({ident: ident for ident in op.outputs})
        if TABLE[op.kind].overlap is Overlap.VIEW:
            x, out = graph.operand(op, 0), graph.result(op)
            if x.hwc[0] == out.hwc[0]:
                found[out.id] = found.get(x.id, x.id)
    return found


def _edges(graph: Graph, ops: Sequence[int], pulled: Collection[TensorId], reaches: Reaches) -> list[_Edge] | None:
    """The tensors between members; None where a row needs more than the rows before it and a few behind."""
    roots = written_rows(graph)
    writers: dict[TensorId, Source] = {ident: ~ident for ident in pulled}
    writers.update((graph.ops[index].outputs[0], index) for index in ops)
    hidden = _views_of(graph, set(writers)) - {i for i, root in roots.items() if root in writers}
    edges = []
    for index in ops:
        op = graph.ops[index]
        if not streamable(graph, op):
            return None
        for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
            if tensor.id in hidden:
                return None
            writer = writers.get(roots.get(tensor.id, tensor.id))
            if writer is None or tensor.is_constant:
                continue
            ratio = _ratio(graph, op, position)
            single = tensor.hwc[0] == 1 or graph.result(op).hwc[0] == 1
            if ratio is None and not single:
                return None
            edges.append(_Edge(writer, index, reaches.of(graph, op, position), None if single else ratio))
    return edges


def _mirrored(edge: _Edge) -> _Edge:
    """The edge when rows are counted from the last one."""
    written = len(edge.reach.last) - 1
    reach = replace(edge.reach, low=written - edge.reach.high[::-1], high=written - edge.reach.low[::-1])
    return replace(edge, reach=reach)


def _views_of(graph: Graph, written: set[TensorId]) -> set[TensorId]:
    """The tensors that only show bytes of the written ones."""
    shown: set[TensorId] = set()
    for op in graph.ops:
        if TABLE[op.kind].kernel is None and any(i in written or i in shown for i in op.inputs):
            shown.update(op.outputs)
    return shown


def _ratio(graph: Graph, op: Op, position: int) -> tuple[int, int] | None:
    """How many rows of an operand one row of the output uses up; None where that is not steady."""
    access = TABLE[op.kind].access(graph, op)
    if isinstance(access, Window) and access.images is None:
        return access.stride, access.up or 1
    return (1, 1) if isinstance(access, Rows) and access.maps[position] is None else None


def _periods(members: Sequence[Source], edges: Sequence[_Edge]) -> Mapping[Source, int] | None:
    """The least whole periods in the ratios that the edges ask for; None where they contradict each other."""
    near: dict[Source, list[tuple[Source, int, int]]] = {m: [] for m in members}
    for e in edges:
        if e.ratio is not None:
            more, less = e.ratio
            near[e.writer].append((e.reader, more, less))
            near[e.reader].append((e.writer, less, more))
    periods: dict[Source, int] = {}
    for start in members:
        if start in periods:
            continue
        relative = {start: (1, 1)}
        pending = [start]
        while pending:
            m = pending.pop()
            for other, more, less in near[m]:
                ratio = _reduced(relative[m][0] * more, relative[m][1] * less)
                if other not in relative:
                    relative[other] = ratio
                    pending.append(other)
                elif relative[other] != ratio:
                    return None
        whole = math.lcm(*(less for _, less in relative.values()))
        counts = {m: more * whole // less for m, (more, less) in relative.items()}
        shared = math.gcd(*counts.values())
        periods.update((m, count // shared) for m, count in counts.items())
    return periods


def _reduced(more: int, less: int) -> tuple[int, int]:
    shared = math.gcd(more, less)
    return more // shared, less // shared


def _lag(edge: _Edge, periods: Mapping[Source, int]) -> int:
    """How many iterations the reader's first row comes behind the writer's, at least."""
    y = np.arange(len(edge.reach.high), dtype=np.int64)
    reads = edge.reach.high >= edge.reach.low
    behind = edge.reach.high * periods[edge.writer] - y * periods[edge.reader]
    return int(behind[reads].max(initial=-(1 << 40)))


def _firsts(
    graph: Graph, members: Sequence[Source], edges: Sequence[_Edge], periods: Mapping[Source, int]
) -> Mapping[Source, int]:
    """Every member's first iteration: as early as its rows allow, or later where waiting keeps fewer bytes."""
    lags = [(e.writer, e.reader, _lag(e, periods)) for e in edges]
    firsts = dict.fromkeys(members, 0)
    for m in members:
        firsts[m] = max([0, *(firsts[w] + lag for w, r, lag in lags if r == m)])

    def rate(m: Source) -> float:
        tensor = graph.tensors[~m] if m < 0 else graph.result(graph.ops[m])
        return tensor.bytes / tensor.hwc[0] / periods[m]

    for m in reversed(members):
        readers = [firsts[r] - lag for w, r, lag in lags if w == m]
        writers = {w for w, r, _ in lags if r == m}
        if readers and min(readers) > firsts[m] and sum(map(rate, writers)) < rate(m):
            firsts[m] = min(readers)
    begin = min(firsts.values())
    return {m: first - begin for m, first in firsts.items()}


def _nodes(
    graph: Graph, member: Source, pace: Pace, numbers: Mapping[int, int], pushed: Collection[TensorId], reverse: bool
) -> Iterator[Node]:
    """What a member does when a row is due, and the handing over of that row."""
    if member < 0:
        var = f"y_in_{graph.inputs.index(~member)}"
        yield _due(var, pace, Pull(~member, Affine(0, ((var, 1),))))
        return
    var = f"y_{numbers[member]:02d}"
    yield _due(var, pace, one_row(graph, member, var, reverse))
    result = graph.result(graph.ops[member])
    if result.id in pushed:
        var = f"y_out_{graph.outputs.index(result.id)}"
        yield _due(var, pace, Push(result.id, Affine(0, ((var, 1),))))


def _due(var: str, pace: Pace, leaf: Run | Pull | Push) -> Due:
    return Due(var, LOOP, pace.first, pace.period, pace.rows, (leaf,))


def one_row(graph: Graph, op: int, var: str, reverse: bool = False) -> Run:
    """Row `var` of an operator's output, counted from the last row where `reverse`."""
    rows, pixels, channels = graph.result(graph.ops[op]).hwc
    row = (Affine(rows - 1, ((var, -1),)), Affine(rows, ((var, -1),))) if reverse else _upwards(var)
    return Run(op, AffineBox(*row, Affine(0), Affine(pixels), Affine(0), Affine(channels)))


def _upwards(var: str) -> tuple[Affine, Affine]:
    return Affine(0, ((var, 1),)), Affine(1, ((var, 1),))
