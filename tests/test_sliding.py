"""Tiles that slide: each column of a turn's rows is computed once, and only those are kept that are read again; over
lines the rows above as well."""

from __future__ import annotations

import numpy as np
import pytest
from support import plan_runner, plans, streamed
from support.graph_builder import GraphBuilder

from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.reference import run
from edgekit_codegen.schedule.reach import Reaches
from edgekit_codegen.schedule.sliding import sliding
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.tiles import Member
from edgekit_codegen.schedule.types import Schedule
from edgekit_codegen.schedule.work import mac_factor

ROWS = 12


def bottleneck(kernel: int, stride: int) -> Graph:
    """An expansion of eight channels, a window, a projection."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, ROWS, ROWS, 2)), 8, (1, 1))
    pad = kernel // 2
    x = b.depthwise(x, (kernel, kernel), DepthwiseConv2D((stride, stride), padding=Padding(pad, pad, pad, pad)))
    return b.graph(b.conv2d(x, 3, (1, 1)))


def planned(graph: Graph, *members: Member) -> Plan:
    segment = stream(graph, members)
    assert segment is not None
    plan = make_plan(graph, Schedule((segment,)), plans.HOST)
    validate(graph, plan, plans.HOST)
    return plan


@pytest.mark.parametrize("pixels", [1, 2, 5])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 2)])
def test_columns_are_computed_once(kernel: int, stride: int, pixels: int) -> None:
    """Of all rows at a time nothing is computed twice, while tiles that do not slide compute what windows share."""
    graph = bottleneck(kernel, stride)
    rows = ROWS // stride
    sliding_, anew = (Member((0, 1, 2), rows, pixels, slides=slides) for slides in (True, False))
    assert mac_factor(graph, planned(graph, sliding_).schedule) == 1.0
    assert mac_factor(graph, planned(graph, anew).schedule) > 1.0


def test_the_halo_above_and_below_is_computed_again() -> None:
    """Two rows of a 3x3 window at a time read four of the expansion: (2 + 2) / 2 times its work, less at borders."""
    graph = bottleneck(3, 1)
    plan = planned(graph, Member((0, 1, 2), 2, 1, slides=True))
    expansion, window, projection = 2 * 8, 9 * 8, 8 * 3  # multiply-accumulates of a pixel
    rows = (ROWS // 2 * 4 - 2) / ROWS
    assert mac_factor(graph, plan.schedule) == pytest.approx(
        (rows * expansion + window + projection) / (expansion + window + projection)
    )
    assert describe(plan.schedule) == "stream 0-2 (0-2 in 2x1 sliding)"


@pytest.mark.parametrize("pixels", [1, 2, 5])
@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (3, 1), (3, 2), (5, 1), (5, 2), (7, 2)])
def test_over_lines_nothing_is_computed_twice(kernel: int, stride: int, rows: int, pixels: int) -> None:
    graph = bottleneck(kernel, stride)
    plan = planned(graph, Member((0, 1, 2), rows, pixels, slides=True, lines=True))
    assert mac_factor(graph, plan.schedule) == 1.0
    x = np.random.default_rng(kernel).integers(-128, 128, (1, ROWS, ROWS, 2)).astype(np.int8)
    assert plan_runner.run(graph, plan, [x]) == run(graph, [x])[0].tobytes()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (7, 2)])
def test_lines_are_the_rows_that_the_next_turn_reads_again(kernel: int, stride: int) -> None:
    """A window shares kernel - stride of the expansion's rows with the next one; of the others few pixels are there."""
    graph = bottleneck(kernel, stride)
    plan = planned(graph, Member((0, 1, 2), 1, 2, slides=True, lines=True))
    held = plan.storage(graph.ops[0].outputs[0])
    assert held.slots == kernel - stride and held.strip is not None
    assert (held.strip.rows, held.strip.pixels) == (stride, kernel + stride)
    rings = planned(graph, Member((0,)), Member((1,)), Member((2,)))
    assert rings.storage(held.tensor).slots >= kernel
    assert describe(plan.schedule) == "stream 0-2 (0-2 in 1x2 sliding over lines)"


def test_a_tile_holds_the_window_and_no_more() -> None:
    graph = bottleneck(5, 1)
    plan = planned(graph, Member((0, 1), 1, 2, slides=True), Member((2,)))
    held = plan.storage(graph.ops[0].outputs[0])
    assert (held.slots, held.box.x1) == (5, 6), "five rows, and the columns of two windows side by side"


def test_what_shares_nothing_does_not_slide() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 8, 8, 2)), 3, (1, 1))
    graph = b.graph(b.conv2d(x, 4, (2, 2), Conv2D((2, 2))))
    for lines in (False, True):
        assert sliding(graph, (0, 1), (1, 2), Reaches(), lines=lines) is None
        assert stream(graph, (Member((0, 1), 1, 2, slides=True, lines=lines),)) is None


def test_whole_rows_do_not_slide() -> None:
    made = streamed.HAND_MADE["tiles of whole rows"]()
    members = tuple(Member(m.ops, m.rows, m.pixels, m.adds, slides=True) if len(m.ops) > 1 else m for m in made.members)
    assert stream(made.graph, members) is None
