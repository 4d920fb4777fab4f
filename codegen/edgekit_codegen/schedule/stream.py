"""Row streams: several operators in one loop, each computing rows as soon as the rows that it reads are there.

Between them are rings of a few rows instead of whole tensors. Iteration by iteration a member of the stream (an
operator, or several in tiles) is due at first, first + period, ...: the periods follow from the strides along the way,
the first iteration from the windows. No row of a ring is computed twice. This is line buffering as in image pipelines.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.types import Graph, TensorId
from ..ops import TABLE
from . import tiles
from .edges import Edge, Source, edges
from .reach import Index, Reaches
from .tiles import Member
from .types import Affine, Copy, Due, Loop, Node, Pull, Push, Segment

LOOP = "i"


@dataclass(frozen=True, slots=True)
class Pace:
    """A turn is due in the iterations first + period * n, n = 0 .. turns-1."""

    first: int
    period: int
    turns: int

    def after(self, lead: int) -> Pace:
        """The same without the first turns."""
        return Pace(self.first + lead * self.period, self.period, self.turns - lead)

    @property
    def end(self) -> int:
        """The iteration behind the last one."""
        return self.first + (self.turns - 1) * self.period + 1


def stream(
    graph: Graph,
    members: Sequence[Member],
    pulled: Collection[TensorId] = (),
    pushed: Collection[TensorId] = (),
    reverse: bool = False,
    reaches: Reaches | None = None,
    landing: bool = False,
) -> Segment | None:
    """A segment that runs the members, given in the order of the graph, turn by turn.

    pulled  graph inputs whose rows arrive one by one; all their readers are among the operators
    pushed  graph outputs whose rows leave one by one, computed one at a time; nothing but these operators reads them
    reverse from the last row to the first; nothing is pulled, pushed or in tiles then
    reaches kept from one stream of a graph to the next
    landing rows that are read again later move into their ring only after the turns that wait for them: the place
            where they are computed can be shared with whatever runs at other times

    None where an operator needs the whole of what another one writes, or reads its rows in no steady order.
    """
    known = reaches or Reaches()
    waits = edges(graph, members, pulled, reverse, known)
    if waits is None or any(m.rows > 1 and tiles.result(graph, m.last).id in pushed for m in members):
        return None
    sources: tuple[Source, ...] = (*(~ident for ident in pulled), *range(len(members)))
    leads = {s: 0 if s < 0 else tiles.lead(graph, members[s], known) for s in sources}
    counts = {s: graph.tensors[~s].hwc[0] if s < 0 else tiles.turns(graph, members[s])[0] for s in sources}
    periods = _periods(sources, waits)
    if periods is None:
        return None
    rates = {s: _bytes(graph, s, members) / counts[s] / periods[s] for s in sources}
    firsts = _firsts(sources, waits, periods, rates)
    paces = {s: Pace(firsts[s], periods[s], leads[s] + counts[s]) for s in sources}
    numbers = {op: n for n, op in enumerate(i for i, op in enumerate(graph.ops) if TABLE[op.kind].kernel is not None)}
    leaving = {s: pace.after(leads[s]) for s, pace in paces.items()}
    moves = _moves(graph, members, waits, paces, leaving) if landing and not reverse else {}
    body: list[Node] = []
    for s in sources:
        body += _nodes(graph, s, members, (paces[s], leaving[s]), numbers, pushed, known, reverse)
        body += [_copy(graph, w, members, leaving[w], numbers, skip) for w, (last, skip) in moves.items() if last == s]
    return Segment("stream", (Loop(LOOP, max(p.end for p in paces.values()), tuple(body)),))


def _periods(sources: Sequence[Source], waits: Sequence[Edge]) -> Mapping[Source, int] | None:
    """The least whole periods in the ratios that the edges ask for; None where they contradict each other."""
    near: dict[Source, list[tuple[Source, int, int]]] = {s: [] for s in sources}
    for e in waits:
        if e.ratio is not None:
            more, less = e.ratio
            near[e.writer].append((e.reader, more, less))
            near[e.reader].append((e.writer, less, more))
    periods: dict[Source, int] = {}
    for start in sources:
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


def _lag(edge: Edge, periods: Mapping[Source, int]) -> int:
    """How many iterations the reader's first turn comes behind the writer's, at least."""
    behind = edge.latest * periods[edge.writer] - np.arange(len(edge.latest)) * periods[edge.reader]
    return int(behind[edge.latest >= 0].max(initial=-(1 << 40)))


def _firsts(
    sources: Sequence[Source], waits: Sequence[Edge], periods: Mapping[Source, int], rates: Mapping[Source, float]
) -> Mapping[Source, int]:
    """Every member's first iteration: as early as its rows allow, or later where waiting keeps fewer bytes.

    rates  bytes that each writes per iteration
    """
    lags = [(e.writer, e.reader, _lag(e, periods)) for e in waits]
    firsts = dict.fromkeys(sources, 0)
    for s in sources:
        firsts[s] = max([0, *(firsts[w] + lag for w, r, lag in lags if r == s)])
    for s in reversed(sources):
        readers = [firsts[r] - lag for w, r, lag in lags if w == s]
        writers = {w for w, r, _ in lags if r == s}
        if readers and min(readers) > firsts[s] and sum(rates[w] for w in writers) < rates[s]:
            firsts[s] = min(readers)
    begin = min(firsts.values())
    return {s: first - begin for s, first in firsts.items()}


def _bytes(graph: Graph, source: Source, members: Sequence[Member]) -> int:
    return (graph.tensors[~source] if source < 0 else tiles.result(graph, members[source].last)).bytes


def _nodes(
    graph: Graph,
    source: Source,
    members: Sequence[Member],
    paces: tuple[Pace, Pace],
    numbers: Mapping[int, int],
    pushed: Collection[TensorId],
    reaches: Reaches,
    reverse: bool,
) -> Iterator[Node]:
    """What a member does in a turn, and the handing over of the row that it computes. paces: of its turns, and of those
    in which it computes rows that others read."""
    pace, leaving = paces
    if source < 0:
        var = f"y_in_{graph.inputs.index(~source)}"
        yield _due(var, pace, (Pull(~source, Affine(0, ((var, 1),))),))
        return
    member = members[source]
    named = {op: f"{numbers[op]:02d}" for op in member.ops}
    yield _due(f"y_{named[member.last]}", pace, tiles.nodes(graph, member, named, reaches, reverse))
    result = tiles.result(graph, member.last)
    if result.id in pushed:
        var = f"y_out_{graph.outputs.index(result.id)}"
        leaving = Pace(pace.end - 1, 1, 1) if member.adds else leaving
        yield _due(var, leaving, (Push(result.id, Affine(0, ((var, 1),))),))


def _moves(
    graph: Graph,
    members: Sequence[Member],
    waits: Sequence[Edge],
    paces: Mapping[Source, Pace],
    leaving: Mapping[Source, Pace],
) -> Mapping[Source, tuple[Source, int]]:
    """Those whose rows are read in later iterations too, by the stream alone; their last readers, and how many of the
    rows of a turn no later iteration reads."""
    moved: dict[Source, tuple[Source, int]] = {}
    inside = {op for member in members for op in member.ops}
    for s, pace in paces.items():
        ident = ~s if s < 0 else tiles.result(graph, members[s].last).id
        readers = [e for e in waits if e.writer == s]
        alone = all(i in inside for i, op in enumerate(graph.ops) if ident in op.inputs)
        if not readers or not alone or ident in graph.outputs or (s >= 0 and members[s].adds):
            continue
        if any((_iterations(paces[e.reader], e) > pace.first + e.oldest * pace.period).any() for e in readers):
            rows = members[s].rows if s >= 0 else 1
            moved[s] = max(e.reader for e in readers), min(_over(leaving[s], rows, paces[e.reader], e) for e in readers)
    return moved


def _over(writer: Pace, rows: int, reader: Pace, edge: Edge) -> int:
    """How many of the rows of a writer's turn, at least, a reader does not read in later iterations."""
    when = _iterations(reader, edge)
    later = [
        int(edge.low[when > iteration].min(initial=(turn + 1) * rows)) - turn * rows
        for turn, iteration in enumerate(range(writer.first, writer.end, writer.period))
    ]
    return min(max(0, min(later)), rows - 1)


def _iterations(pace: Pace, edge: Edge) -> Index:
    """When each turn of an edge's reader is; never where it reads nothing."""
    return np.where(edge.latest >= 0, pace.first + pace.period * np.arange(len(edge.latest)), -1)


def _copy(
    graph: Graph, source: Source, members: Sequence[Member], pace: Pace, numbers: Mapping[int, int], skip: int
) -> Node:
    """The rows that were computed in this iteration, without the first `skip`, go into their ring."""
    rows = 1
    if source < 0:
        var, ident = f"c_in_{graph.inputs.index(~source)}", ~source
    else:
        var, ident = f"c_{numbers[members[source].last]:02d}", tiles.result(graph, members[source].last).id
        rows = members[source].rows
    return _due(var, pace, (Copy(ident, Affine(skip, ((var, rows),)), rows - skip),))


def _due(var: str, pace: Pace, body: tuple[Node, ...]) -> Due:
    return Due(var, LOOP, pace.first, pace.period, pace.turns, body)
