"""The dense schedule: one operator after the other, each over its whole output."""

from __future__ import annotations

from ..ir.region import Box
from ..ir.types import Graph
from ..ops import TABLE
from .types import AffineBox, Run, Schedule, Segment


def schedule(graph: Graph) -> Schedule:
    """One segment "layers" with one Run per operator that has a kernel, in the graph's order; views run no code."""
    runs = tuple(
        Run(index, AffineBox.constant(Box.of(graph.result(op).hwc)))
        for index, op in enumerate(graph.ops)
        if TABLE[op.kind].kernel is not None
    )
    return Schedule((Segment("layers", runs),))
