"""Graphs and schedules made by hand that show one thing each: tiles, sums, rows that land beside their ring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgekit_codegen.ir import Graph, Quant
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding, Sum
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.tiles import Member, plain
from edgekit_codegen.schedule.types import Schedule

from . import plans
from .graph_builder import GraphBuilder

WIDE = Padding(2, 2, 2, 2)


@dataclass(frozen=True)
class Made:
    """A graph, the members of the one stream that runs it, and how."""

    graph: Graph
    members: tuple[Member, ...]
    pulled: bool = False
    pushed: bool = False
    landing: bool = False

    def plan(self) -> Plan:
        """The planner's plan, which the validator accepts."""
        graph = self.graph
        pulled, pushed = graph.inputs[: int(self.pulled)], graph.outputs[: int(self.pushed)]
        segment = stream(graph, self.members, pulled, pushed, landing=self.landing)
        assert segment is not None
        plan = make_plan(graph, Schedule((segment,)), plans.HOST)
        validate(graph, plan, plans.HOST)
        return plan


def inverted() -> Graph:
    """Two inverted bottlenecks, one with a stride: an expansion, a depthwise window, a projection, a residual."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 13, 11, 2)), 3, attrs=Conv2D(padding=plans.SAME))
    y = b.depthwise(b.conv2d(x, 8, (1, 1)), attrs=DepthwiseConv2D(padding=plans.SAME))
    x = b.add(b.conv2d(y, 3, (1, 1)), x)
    y = b.depthwise(b.conv2d(x, 8, (1, 1)), (5, 5), DepthwiseConv2D((2, 2), padding=WIDE))
    return b.graph(b.conv2d(y, 4, (1, 1)))


def averaged(kind: str = "mean") -> Graph:
    """Windows, and the average of all pixels of the last one; or their sum, or a window that covers them."""
    b = GraphBuilder()
    x = b.depthwise(b.conv2d(b.input((1, 10, 6, 3)), 5, (1, 1)), attrs=DepthwiseConv2D(padding=plans.SAME))
    if kind == "average_pool2d":
        return b.graph(b.conv2d(b.pool("average", x, (10, 6), (1, 1)), 4, (1, 1)))
    total = b.apply("sum", (x,), Sum((1, 2), False), Quant((1.0,), (2,))) if kind == "sum" else b.mean(x, (1, 2))
    return b.graph(b.fully_connected(total, 4, 5))


def patches(rows: int, pixels: int, slides: bool = False, lines: bool = False) -> Made:
    """MCUNetV2's patches: everything before the average in tiles, each computing what its windows share anew, or all
    but the columns that its neighbour has left, or nothing that is there already."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 16, 16, 2)), 4, attrs=Conv2D((2, 2), padding=plans.SAME))
    x = b.depthwise(x, attrs=DepthwiseConv2D(padding=plans.SAME))
    x = b.conv2d(b.conv2d(x, 3, (1, 1)), 4, attrs=Conv2D((2, 2), padding=plans.SAME))
    graph = b.graph(b.mean(x, (1, 2)))
    return Made(graph, (Member((0, 1, 2, 3), rows, pixels, slides=slides, lines=lines), Member((4,), adds=True)))


def _sums(kind: str, **ends: bool) -> Made:
    graph = averaged(kind)
    return Made(graph, (*plain((0, 1)), Member((2,), adds=True), *plain((3,))), **ends)


def _bottlenecks(*sizes: tuple[int, int], slides: bool = False, lines: bool = False, **ends: bool) -> Made:
    """Expansion and window of both bottlenecks in tiles of those sizes."""
    graph = inverted()
    first, second = (
        Member(ops, *size, slides=slides, lines=lines) for ops, size in zip(((1, 2), (5, 6, 7)), sizes, strict=True)
    )
    return Made(graph, (*plain((0,)), first, *plain((3, 4)), second), **ends)


def _few_rows() -> Made:
    """A window that pads more rows than there are: some of its turns come when no row is new."""
    b = GraphBuilder()
    graph = b.graph(b.conv2d(b.conv2d(b.input((1, 2, 4, 2)), 3, (1, 1)), 2, (5, 5), Conv2D(padding=WIDE)))
    return Made(graph, plain((0, 1)), landing=True)


def _rings(**ends: bool) -> Made:
    graph = inverted()
    return Made(graph, plain(range(len(graph.ops))), **ends)


HAND_MADE: dict[str, Callable[[], Made]] = {
    "tiles": lambda: _bottlenecks((1, 4), (1, 2)),
    "tiles of single pixels": lambda: _bottlenecks((1, 1), (1, 1)),
    "tiles of whole rows": lambda: _bottlenecks((1, 0), (1, 0)),
    "tiles of several rows": lambda: _bottlenecks((2, 3), (3, 5)),
    "tiles, arriving and leaving": lambda: _bottlenecks((1, 4), (1, 2), pulled=True, pushed=True),
    "tiles and landing": lambda: _bottlenecks((1, 4), (1, 2), landing=True),
    "sliding tiles": lambda: _bottlenecks((1, 4), (1, 2), slides=True),
    "sliding tiles of single pixels": lambda: _bottlenecks((1, 1), (2, 1), slides=True),
    "sliding tiles, arriving and landing": lambda: _bottlenecks((2, 2), (3, 1), slides=True, pulled=True, landing=True),
    "tiles over lines": lambda: _bottlenecks((1, 4), (1, 2), slides=True, lines=True),
    "tiles of single pixels over lines": lambda: _bottlenecks((1, 1), (2, 1), slides=True, lines=True),
    "tiles over lines, landing": lambda: _bottlenecks((3, 2), (1, 3), slides=True, lines=True, landing=True),
    "tiles over lines, arriving and leaving": lambda: _bottlenecks(
        (2, 3), (1, 2), slides=True, lines=True, pulled=True, pushed=True
    ),
    "landing": lambda: _rings(landing=True),
    "landing of several rows": lambda: _bottlenecks((3, 4), (2, 0), landing=True),
    "landing, arriving": lambda: _rings(landing=True, pulled=True),
    "landing, arriving and leaving": lambda: _rings(landing=True, pulled=True, pushed=True),
    "landing of few rows": _few_rows,
    "sums": lambda: _sums("sum"),
    "sums of an average": lambda: _sums("mean"),
    "sums, arriving": lambda: _sums("mean", pulled=True, landing=True),
    "sums of a window": lambda: _sums("average_pool2d", pulled=True),
    "patches": lambda: patches(2, 2),
    "patches of a row": lambda: patches(1, 0),
    "patches that slide": lambda: patches(2, 1, slides=True),
    "patches over lines": lambda: patches(1, 2, slides=True, lines=True),
    "one patch": lambda: patches(4, 4),
}
"""What a test does with each form of stream."""
