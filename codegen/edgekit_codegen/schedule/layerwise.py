"""The dense schedule: one operator after the other, each over its whole output."""

from __future__ import annotations

from ..ir.region import Box
from ..ir.types import Graph
from ..ops import TABLE
from .stream import LOOP
from .tiles import one_row
from .types import AffineBox, Loop, Node, Run, Schedule, Segment


def schedule(graph: Graph) -> Schedule:
    """One segment "layers" with one Run per operator that has a kernel, in the graph's order; views run no code."""
    return Schedule((Segment("layers", tuple(layer(graph, i) for i in range(len(graph.ops)) if _runs(graph, i))),))


def layer(graph: Graph, op: int, reverse: bool = False) -> Node:
    """One operator over its whole output. reverse: from the last row to the first."""
    hwc = graph.result(graph.ops[op]).hwc
    if reverse:
        return Loop(LOOP, hwc[0], (Run(op, one_row(hwc, LOOP, reverse=True)),))
    return Run(op, AffineBox.constant(Box.of(hwc)))


def _runs(graph: Graph, op: int) -> bool:
    return TABLE[graph.ops[op].kind].kernel is not None
