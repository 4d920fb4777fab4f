"""Fronts of graphs whose output leaves row by row, and streams through what repeats rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import host_model, plan_runner, plans
from support.dense import unet
from support.drawn_schedules import hasty_packing
from support.graph_builder import GraphBuilder

from edgekit_codegen.errors import DoesNotFit, UnsupportedModel
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Concatenation, Conv2D, Resize
from edgekit_codegen.schedule import ends, walk
from edgekit_codegen.schedule.beyond import smallest
from edgekit_codegen.schedule.front import fastest, front
from edgekit_codegen.schedule.segments import Segments
from edgekit_codegen.schedule.text import describe


def check(graph: Graph, plan: Plan, seed: int = 1) -> None:
    """The plan is certified, its output leaves by rows, and they are the reference's."""
    validate(graph, plan, plans.HOST)
    assert set(graph.outputs) <= walk.streamed(plan.schedule)
    inputs = host_model.random_inputs(graph, np.random.default_rng(seed))
    assert plan_runner.run(graph, plan, inputs) == host_model.reference_bytes(graph, inputs)


@given(plans.graphs(most=8, kinds=plans.MORE, straight=True), st.booleans())
@settings(max_examples=25)
def test_fronts_of_random_graphs(graph: Graph, arriving: bool) -> None:
    if len(graph.outputs) != 1 or ends.resident(graph, graph.outputs[0]) is not None:
        return
    pulled = graph.inputs[: int(arriving and len(graph.inputs) == 1)]
    with hasty_packing():
        points = front(graph, plans.HOST, pulled, graph.outputs)
    assert points or pulled, "the last operator's rows alone can always leave"
    for point in points:
        assert (point.input, point.output) == ("streamed" if pulled else "resident", "streamed")
        check(graph, point.plan)


def test_what_nothing_keeps_is_smaller() -> None:
    """Of a network of wide outputs, whose last layer's rows are most of what there is."""
    b = GraphBuilder()
    graph = b.graph(b.conv2d(b.input((1, 24, 6, 2)), 20, (3, 3), Conv2D(padding=plans.SAME)))
    resident, leaving = fastest(graph, plans.HOST), fastest(graph, plans.HOST, pushed=graph.outputs)
    check(graph, leaving)
    output, row = graph.tensors[graph.outputs[0]].bytes, 6 * 20
    assert resident.arena_bytes >= output
    assert leaving.arena_bytes <= 24 * 6 * 2 + row
    both = fastest(graph, plans.HOST, 4 * 12 + row, graph.inputs, pushed=graph.outputs)
    check(graph, both)


def test_a_whole_u_net_is_one_stream() -> None:
    """Also where its skips tie more operators together than the search looks at."""
    graph = unet(64, 8, (3, 4, 5, 6))
    segments = Segments(graph, graph.inputs, graph.outputs)
    schedule = segments.schedule((segments.piece(0, segments.count),))
    assert schedule is not None
    plan = smallest(graph, plans.HOST, 8.0, pulled=graph.inputs, pushed=graph.outputs).plan
    check(graph, plan)
    assert describe(plan.schedule).startswith("stream 0-19"), describe(plan.schedule)


def test_slowness_is_bounded_with_streamed_ends_too() -> None:
    graph = plans.chain(24)
    both = graph.inputs, graph.outputs
    plan = smallest(graph, plans.HOST, 8.0, None, *both).plan
    check(graph, plan)
    with pytest.raises(DoesNotFit) as caught:
        smallest(graph, plans.HOST, 1.0, None, *both)
    assert caught.value.code == "memory.too_slow"


def test_what_a_later_operator_reads_again_cannot_leave() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 8, 4, 2)), 2, (1, 1))
    graph = b.graph(x, b.transpose(x, (0, 2, 1, 3)))
    with pytest.raises(
        UnsupportedModel, match="layer 01, transpose, needs 'tensor_3', which is gone by then"
    ) as caught:
        fastest(graph, plans.HOST, pushed=graph.outputs[:1])
    assert caught.value.code == "unsupported.streamed_output"


def test_a_last_concatenation_leaves_row_by_row() -> None:
    b = GraphBuilder()
    x = b.input((1, 9, 4, 2))
    parts = (b.conv2d(x, 2, (1, 1)), b.conv2d(x, 3, attrs=Conv2D(padding=plans.SAME)))
    graph = b.graph(b.apply("concatenation", parts, Concatenation(3)))
    for point in front(graph, plans.HOST, (), graph.outputs):
        check(graph, point.plan)


@pytest.mark.parametrize(
    ("before", "after", "aligned", "centred"),
    [(8, 16, False, False), (8, 16, False, True), (5, 12, True, False), (9, 4, False, False), (3, 11, False, True)],
)
def test_a_stream_runs_through_rows_that_repeat(before: int, after: int, aligned: bool, centred: bool) -> None:
    """A nearest-neighbour resize between two operators of one stream: neither side of it is there as a whole."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, before, 5, 2)), 3, (1, 1))
    y = b.apply("resize_nearest_neighbor", (x,), Resize((after, 5), aligned, centred))
    graph = b.graph(b.conv2d(y, 2, attrs=Conv2D(padding=plans.SAME)))
    segments = Segments(graph, graph.inputs, graph.outputs)
    schedule = segments.schedule((segments.piece(0, 3),))
    assert schedule is not None
    plan = make_plan(graph, schedule, plans.HOST)
    check(graph, plan)
    assert plan.arena_bytes < graph.tensors[x].bytes + graph.tensors[y].bytes
