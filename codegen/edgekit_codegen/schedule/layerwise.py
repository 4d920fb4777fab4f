"""The dense schedule: one operator after the other, each over its whole output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ..ir.region import Box
from ..ir.types import Graph
from ..ops import TABLE
from .stream import LOOP
from .tiles import one_row
from .types import AffineBox, Loop, Node, Run, Schedule, Segment

NONE: Mapping[int, int] = MappingProxyType({})


def schedule(graph: Graph, at_once: Mapping[int, int] = NONE) -> Schedule:
    """One segment "layers" with one Run per operator that has a kernel, in the graph's order; views run no code.

    at_once  operators whose kernels compute the whole output in one call, with the bytes of Run.once
    """
    running = (i for i in range(len(graph.ops)) if _runs(graph, i))
    nodes = (_at_once(graph, i, at_once[i]) if i in at_once else layer(graph, i) for i in running)
    return Schedule((Segment("layers", tuple(nodes)),))


def layer(graph: Graph, op: int, reverse: bool = False) -> Node:
    """One operator over its whole output. reverse: from the last row to the first."""
    hwc = graph.result(graph.ops[op]).hwc
    if reverse:
        return Loop(LOOP, hwc[0], (Run(op, one_row(hwc, LOOP, reverse=True)),))
    return Run(op, AffineBox.constant(Box.of(hwc)))


def planar(graph: Graph, op: int) -> Run | None:
    """One operator over its whole output, in the bytes of its input; None where it cannot (OpRecord.planar)."""
    found = TABLE[graph.ops[op].kind].planar(graph, graph.ops[op])
    return None if found is None else replace(_at_once(graph, op, found.scratch), planar=True)


def _at_once(graph: Graph, op: int, scratch: int) -> Run:
    return Run(op, AffineBox.constant(Box.of(graph.result(graph.ops[op]).hwc)), once=scratch)


def _runs(graph: Graph, op: int) -> bool:
    return TABLE[graph.ops[op].kind].kernel is not None
