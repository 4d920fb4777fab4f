"""The search for schedules: where to cut the graph into segments, and how each segment runs.

Labels move over the cut points from the first operator to the last (label setting, as in shortest paths with two
criteria): a label is a choice of segments up to a cut with its peak and its cost, and one that another label beats in
both is dropped. Peaks are estimates, of one segment at a time; the packer has the last word on each survivor.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..ir.types import Graph, TensorId
from ..memory.buffers import buffers, live_bytes
from ..memory.places import parts as parts_of
from ..ops import TABLE
from ..ops.record import Overlap
from . import layerwise
from .parts import Parts
from .stream import stream, streamable
from .types import Due, Loop, Run, Schedule, Segment

LONGEST = 48
"""Operators of one stream."""

LABELS = 24
"""Labels kept per cut point."""

CALL = 30
"""Instructions, about, to call a layer for one row."""

TURN = 8
"""Instructions, about, to find out whether an operator is due in an iteration."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A schedule of the entire graph, with the search's estimates.

    peak  bytes that the busiest segment needs
    cost  instructions beyond those of layer by layer
    """

    schedule: Schedule
    peak: int
    cost: int
    cuts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Label:
    peak: int
    cost: int
    cuts: tuple[int, ...]


def choices(
    graph: Graph, pulled: Collection[TensorId] = (), pushed: Collection[TensorId] = ()
) -> tuple[Choice, ...]:
    """Schedules that no other one beats in both peak and cost, the cheapest first.

    pulled, pushed  graph inputs and outputs that arrive or leave row by row; empty where a reader or writer of theirs
                    cannot be in a stream
    """
    parts = Parts(graph)
    n = len(parts.running)
    labels: list[list[_Label]] = [[] for _ in range(n + 1)]
    labels[0] = [_Label(0, 0, ())]
    for first in range(n):
        for after in range(first + 1, min(first + LONGEST, n) + 1):
            if not labels[first]:
                break
            if after > first + 1 and not streamable(graph, graph.ops[parts.running[after - 1]]):
                break
            found = _segment(parts, first, after, pulled, pushed)
            if found is None:
                continue
            labels[after] += [
                _Label(max(label.peak, found.peak), label.cost + found.cost, (*label.cuts, after))
                for label in labels[first]
            ]
            labels[after] = _best(labels[after])
        labels[first] = []
    return tuple(Choice(_schedule(parts, label.cuts, pulled, pushed), label.peak, label.cost, label.cuts) for label in labels[n])


def _best(labels: Iterable[_Label]) -> list[_Label]:
    """Those that no other beats, the cheapest first; of too many, those with the lowest peaks."""
    kept: list[_Label] = []
    for label in sorted(labels, key=lambda s: (s.cost, s.peak, s.cuts)):
        if not kept or label.peak < kept[-1].peak:
            kept.append(label)
    return kept[:1] + kept[max(1, len(kept) - LABELS + 1) :]


def _segment(
    parts: Parts, first: int, after: int, pulled: Collection[TensorId], pushed: Collection[TensorId]
) -> _Label | None:
    """Peak and cost of one segment; None where it cannot be."""
    part = parts.between(first, after)
    arriving = {i for i in pulled if i in part.graph.inputs}
    leaving = {i for i in pushed if any(i in op.outputs for op in part.graph.ops)}
    if any(i in part.graph.outputs for i in arriving):
        return None
    if after == first + 1 and not arriving and not leaving:
        schedule, cost = layerwise.schedule(part.graph), 0
    else:
        inside = [i - part.ops[0] for i in parts.running[first:after]]
        segment = stream(part.graph, inside, sorted(arriving), sorted(leaving), reaches=parts.reaches)
        if segment is None:
            return None
        schedule, cost = Schedule((segment,)), _cost(segment)
    graph = part.graph
    return _Label(max(live_bytes(buffers(graph, schedule, parts.reaches), whole_slots=True).values()) + part.beside, cost, ())


def _cost(segment: Segment) -> int:
    """Instructions that a stream needs beyond those of its rows."""
    total = 0
    for node in segment.nodes:
        assert isinstance(node, Loop)
        total += node.n * len(node.body) * TURN
        total += sum(CALL * child.n for child in node.body if isinstance(child, Due) and isinstance(child.body[0], Run))
    return total


def _schedule(
    parts: Parts, cuts: Iterable[int], pulled: Collection[TensorId], pushed: Collection[TensorId], turning: bool = False
) -> Schedule:
    """turning: segments run up and down in turns, so that what overwrites its input returns to where that began."""
    graph, first, down = parts.graph, 0, True
    segments: list[Segment] = []
    for after in cuts:
        ops = parts.running[first:after]
        read = {i for op in ops for i in graph.ops[op].inputs}
        written = {i for op in ops for i in graph.ops[op].outputs}
        arriving, leaving = sorted(i for i in pulled if i in read), sorted(i for i in pushed if i in written)
        if len(ops) > 1 or arriving or leaving:
            down = turning and not down and not arriving and not leaving
            made = stream(graph, ops, arriving, leaving, down, parts.reaches)
            assert made is not None, "the search tried this segment"
            segments.append(made)
        else:
            turns = turning and _moves(graph, ops[0])
            down = not down if turns else down
            node = layerwise.layer(graph, ops[0], down=turns and down)
            if segments and segments[-1].kind == "layers":
                segments[-1] = Segment("layers", (*segments[-1].nodes, node))
            else:
                segments.append(Segment("layers", (node,)))
        first = after
    return Schedule(tuple(segments))


def _moves(graph: Graph, index: int) -> bool:
    """Whether the rows of an operator's output can overwrite its input only some way behind."""
    op = graph.ops[index]
    return TABLE[op.kind].overlap is Overlap.NEVER and graph.result(op).hwc[0] > 1 and parts_of(graph, op) is None
