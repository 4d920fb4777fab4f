"""Row streams: any cuts, forth and back, resident or streamed, give the bytes of layer by layer, in the least rings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import batch, host_model, plan_runner, plans
from support.drawn_schedules import hasty_packing, scheduled
from support.graph_builder import GraphBuilder

from edgekit_codegen.emit import emit
from edgekit_codegen.errors import InvalidPlan
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.segments import Segments
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.tiles import Member, plain
from edgekit_codegen.schedule.types import Due, Loop, Push, Schedule

EACH = 4  # schedules of a graph
QUICK, COMPILED = 2000, 108
BATCH = 36


@given(st.data())
@settings(max_examples=QUICK // EACH)
def test_any_schedule_computes_the_reference(data: st.DataObject) -> None:
    with hasty_packing():
        for case in data.draw(scheduled(EACH)):
            check_any_schedule(case)


@pytest.mark.slow
@given(scheduled())
@settings(max_examples=10_000)
def test_very_many_schedules_compute_the_reference(cases: tuple[batch.Case, ...]) -> None:
    for case in cases:
        check_any_schedule(case)


def check_any_schedule(case: batch.Case) -> None:
    """With the very kernels; byte for byte."""
    answer = plan_runner.run(case.graph, case.plan, case.inputs)
    assert answer == host_model.reference_bytes(case.graph, case.inputs), describe(case.plan.schedule)


@given(st.lists(scheduled(), min_size=BATCH, max_size=BATCH))
@settings(
    max_examples=COMPILED // BATCH, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking would compile for minutes
def test_generated_code_of_any_schedule(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[batch.Case, ...]]
) -> None:
    cases = [case for cases in drawn for case in cases]
    answers = batch.run(cases, tmp_path_factory.mktemp("batch"))
    for case, answer in zip(cases, answers, strict=True):
        assert answer == host_model.reference_bytes(case.graph, case.inputs), describe(case.plan.schedule)


def whole(graph: Graph, **ends: tuple[TensorId, ...]) -> Plan:
    """All of a graph in one stream."""
    segment = stream(graph, plain([i for i, op in enumerate(graph.ops) if op.kind != "reshape"]), **ends)
    assert segment is not None
    plan = make_plan(graph, Schedule((segment,)), plans.HOST)
    validate(graph, plan, plans.HOST)
    return plan


@pytest.fixture
def shortest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings are as short as they can be: none is longer, or in pieces, so as to share bytes with another."""
    monkeypatch.setattr("edgekit_codegen.memory.planner._apart", lambda graph, schedule, items: [])


def window(kernel: int, stride: int = 1, dilation: int = 1, pad: int = 0) -> Graph:
    """A window over the rows that a pointwise convolution makes."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 24, 4, 2)), 2, (1, 1))
    attrs = Conv2D((stride, 1), (dilation, 1), Padding(pad, pad, 0, 0))
    return b.graph(b.conv2d(x, 2, (kernel, 1), attrs))


@pytest.mark.parametrize(
    ("graph", "rows"),
    [
        (window(1), 1),
        (window(3, pad=1), 3),
        (window(3, stride=2, pad=1), 3),
        (window(5, pad=2), 5),
        (window(3, dilation=2, pad=2), 5),
        (window(3, stride=3), 3),
        (window(2, stride=4), 2),
    ],
    ids=["1", "3", "3/2", "5", "3 dilated by 2", "3/3", "2/4"],
)
def test_a_ring_holds_what_a_window_reaches(graph: Graph, rows: int, shortest: None) -> None:
    plan = whole(graph)
    between = graph.ops[0].outputs[0]
    assert plan.storage(between).slots == rows
    if rows > 1:
        refuse_shorter(graph, plan, between)


def refuse_shorter(graph: Graph, plan: Plan, ident: TensorId) -> None:
    """A ring of one row less is wrong."""
    storages = tuple(
        replace(s, slots=s.slots - 1, offsets=s.offsets[:-1]) if s.tensor == ident else s for s in plan.storages
    )
    with pytest.raises(InvalidPlan):
        validate(graph, replace(plan, storages=storages), plans.HOST)


def residual() -> Graph:
    """Two windows, and their sum with what they began with: that has to wait."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 16, 6, 3)), 4, (1, 1))
    y = b.depthwise(x, attrs=DepthwiseConv2D(padding=plans.SAME))
    y = b.depthwise(y, (5, 5), attrs=DepthwiseConv2D(padding=Padding(2, 2, 2, 2)))
    return b.graph(b.conv2d(b.add(x, y), 2, attrs=Conv2D((2, 2), padding=plans.SAME)))


def test_a_residual_waits_for_the_branch_beside_it(shortest: None) -> None:
    """Row y of the sum comes after row y + 2 of the first window, and so after row y + 3 of the beginning."""
    graph = residual()
    plan = whole(graph)
    x, first, second, total = (op.outputs[0] for op in graph.ops[:4])
    assert plan.storage(first).slots == 5
    assert plan.storage(second).slots == 1
    assert plan.storage(total).offsets == plan.storage(x).offsets, "the sum takes the place of what it began with"
    assert plan.storage(x).slots == 6, "four rows wait for the sum, and three of the sum for the last window"
    for ident in (x, first):
        refuse_shorter(graph, plan, ident)


def test_operators_keep_the_pace_of_their_strides() -> None:
    b = GraphBuilder()
    x = b.input((1, 33, 5, 2))
    for _ in range(3):
        x = b.conv2d(x, 2, attrs=Conv2D((2, 1), padding=plans.SAME))
    graph = b.graph(x)
    (segment,) = whole(graph, pulled=graph.inputs).schedule.segments
    (loop,) = segment.nodes
    assert isinstance(loop, Loop)
    paces = [(due.first, due.period, due.n) for due in loop.body if isinstance(due, Due)]
    assert paces == [(0, 1, 33), (1, 2, 17), (3, 4, 9), (7, 8, 5)]


def test_a_stream_is_one_loop_with_guards(tmp_path: Path) -> None:
    graph = residual()
    plan = whole(graph, pulled=graph.inputs, pushed=graph.outputs)
    text = emit(graph, plan, plans.HOST).files["built.c"]
    invoke = text[text.index("int built_invoke(") :]
    assert invoke.count("for (") == 1
    assert invoke.count("ek_due(i, ") == len(graph.ops) + 2
    assert "ek_clip" not in invoke
    model = host_model.build(emit(graph, plan, plans.HOST), graph, tmp_path, (True, True))
    values = host_model.random_inputs(graph, np.random.default_rng(1))
    assert model.run([values, values]) == [host_model.reference_bytes(graph, values)] * 2
    assert model.call(1, values[0].tobytes(), abort_at=5).returncode == 42


def test_what_adds_up_rows_leaves_once() -> None:
    b = GraphBuilder()
    graph = b.graph(b.mean(b.conv2d(b.input((1, 8, 4, 2)), 2, (1, 1)), (1, 2), keep_dims=True))
    segment = stream(graph, (Member((0,)), Member((1,), adds=True)), graph.inputs, graph.outputs)
    assert segment is not None
    plan = make_plan(graph, Schedule((segment,)), plans.HOST)
    validate(graph, plan, plans.HOST)
    assert sum(isinstance(leaf, Push) for leaf, _ in walk.executed(plan.schedule)) == 1
    values = host_model.random_inputs(graph, np.random.default_rng(4))
    assert plan_runner.run(graph, plan, values) == host_model.reference_bytes(graph, values)


def test_what_needs_a_whole_tensor_cannot_follow_in_a_stream() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 8, 4, 2)), 2, (1, 1))
    graph = b.graph(b.mean(x, (1, 2)))
    assert stream(graph, plain([0, 1])) is None


def test_a_stream_that_runs_back_reads_the_same_rows(tmp_path: Path) -> None:
    graph = residual()
    segments = Segments(graph)
    schedule = segments.schedule((segments.piece(0, 1), segments.piece(1, segments.count)), turning=True)
    assert schedule is not None and "reversed" in describe(schedule)
    plan = make_plan(graph, schedule, plans.HOST)
    validate(graph, plan, plans.HOST)
    case = batch.Case(graph, plan, host_model.random_inputs(graph, np.random.default_rng(5)))
    assert batch.run([case], tmp_path) == [host_model.reference_bytes(graph, case.inputs)]


def test_layers_keep_their_numbers_in_a_stream() -> None:
    graph = residual()
    assert walk.layers(whole(graph).schedule) == tuple(range(len(graph.ops)))


def test_sums_begin_before_the_first_tile_of_them() -> None:
    """The second tile is computed when the sums hold the first one."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 8, 2)), 4, (1, 1))
    x = b.conv2d(b.conv2d(x, 8, (1, 1)), 3, (1, 1))
    graph = b.graph(b.mean(x, (1, 2)))
    segment = stream(graph, (*plain((0,)), Member((1, 2, 3), 6, 2, adds=True)))
    assert segment is not None
    plan = make_plan(graph, Schedule((segment,)), plans.HOST)
    validate(graph, plan, plans.HOST)
    (sums,) = (s for s in plan.scratch if s.op == 3)
    tile = plan.storage(graph.ops[1].outputs[0])
    assert sums.offset + sums.size <= tile.offsets[0] or max(tile.offsets) + tile.pitch <= sums.offset
