"""Leaves out slices and concatenations whose elements can stay where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from ..ir.region import Box
from ..ir.types import Graph
from ..schedule import walk
from ..schedule.types import AffineBox, Run, Schedule
from .buffer import live_bytes
from .buffers import buffers
from .places import Places, parts

TRIED = 16
"""Copies that are tried one by one; further ones are left out wherever they can be."""


def elide(graph: Graph, schedule: Schedule) -> Schedule:
    """The schedule without the operators that only move elements to where they could lie from the beginning.

    What shares bytes lives as long as any of it, so that a copy may also save memory: one stays where the peak would be
    higher without it, and all of them where only together they make it lower.
    """
    left_out = _possible(graph, schedule, tuple(_candidates(graph, schedule)))
    if not left_out:
        return schedule
    peak = _peak(graph, _without(schedule, left_out))
    for op in left_out[:TRIED]:
        fewer = _possible(graph, schedule, tuple(n for n in left_out if n != op))
        lower = _peak(graph, _without(schedule, fewer))
        if lower < peak:
            left_out, peak = fewer, lower
    return schedule if _peak(graph, schedule) < peak else _without(schedule, left_out)


def _candidates(graph: Graph, schedule: Schedule) -> Iterator[int]:
    """Operators that could stay out and that one node runs over their whole output, in the graph's order."""
    runs = Counter(leaf.op for node in walk.nodes(schedule) for leaf in walk.leaves(node) if isinstance(leaf, Run))
    whole = {node.op for node in walk.nodes(schedule) if isinstance(node, Run) and _is_whole(graph, node)}
    return (n for n in sorted(whole) if runs[n] == 1 and parts(graph, graph.ops[n]) is not None)


def _is_whole(graph: Graph, run: Run) -> bool:
    box = AffineBox.constant(Box.of(graph.result(graph.ops[run.op]).hwc))
    return not run.adds and run.box == box


def _possible(graph: Graph, schedule: Schedule, candidates: tuple[int, ...]) -> tuple[int, ...]:
    """Those that can stay out together, the earlier ones first."""
    running = set(walk.layers(schedule))
    places = Places(graph, (*graph.inputs, *(i for n in running for i in graph.ops[n].outputs)))
    taken = []
    for n, op in enumerate(graph.ops):
        if (n not in running or n in candidates) and places.share(op) and n in running:
            taken.append(n)
    return tuple(taken)


def _without(schedule: Schedule, left_out: Collection[int]) -> Schedule:
    def stays(node: object) -> bool:
        return not (isinstance(node, Run) and node.op in left_out)

    return Schedule(tuple(replace(s, nodes=tuple(filter(stays, s.nodes))) for s in schedule.segments))


def _peak(graph: Graph, schedule: Schedule) -> int:
    return max(live_bytes(buffers(graph, schedule)).values(), default=0)
