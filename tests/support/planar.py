"""Graphs with depthwise layers in place, and schedules that run them so."""

from __future__ import annotations

from collections.abc import Collection

from edgekit_codegen.ir import Activation, Graph
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import DepthwiseConv2D, Padding
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.types import Schedule, Segment

from . import plans
from .graph_builder import GraphBuilder

WIDE = Padding(3, 3, 3, 3)


def bottlenecks(hidden: int = 22) -> Graph:
    """Two wide bottlenecks on a small map, one with a residual, whose windows reach over all of it: 7x7 and 3x3."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 7, 6, 3)), 5, (1, 1))
    y = b.depthwise(b.conv2d(x, hidden, (1, 1)), (7, 7), DepthwiseConv2D(padding=WIDE, activation=Activation.RELU))
    x = b.add(b.conv2d(y, 5, (1, 1)), x)
    y = b.depthwise(b.conv2d(x, hidden, (1, 1)), attrs=DepthwiseConv2D(padding=plans.SAME))
    return b.graph(b.conv2d(y, 4, (1, 1)))


def able(graph: Graph) -> list[int]:
    """The operators that can overwrite their input plane by plane."""
    return [n for n, op in enumerate(graph.ops) if TABLE[op.kind].planar(graph, op) is not None]


def schedule(graph: Graph, over: Collection[int]) -> Schedule:
    """Layer by layer, some of the layers in place."""
    nodes = []
    for n, op in enumerate(graph.ops):
        if TABLE[op.kind].kernel is not None:
            run = layerwise.planar(graph, n) if n in over else layerwise.layer(graph, n)
            assert run is not None
            nodes.append(run)
    return Schedule((Segment("layers", tuple(nodes)),))


def plan(graph: Graph, over: Collection[int] | None = None) -> Plan:
    """The planner's plan, which the validator accepts; by default of all that can be in place."""
    made = make_plan(graph, schedule(graph, able(graph) if over is None else over), plans.HOST)
    validate(graph, made, plans.HOST)
    return made
