"""Depthwise layers that overwrite their input, plane by plane: chosen where memory is short, planned, checked, kept in
files, built, and replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import batch, host_model, plan_runner, planar, plans, toolchains
from support.arena_cases import replayed
from support.arena_replay import AccessError
from support.arm_runner import core
from support.drawn_schedules import hasty_packing
from support.graph_builder import GraphBuilder
from support.kernel_runner import Way, prepare

from benchmarks.builder import Builder
from edgekit import plan as plan_model
from edgekit import schedule_file
from edgekit.errors import ConfigError
from edgekit.export import tflite
from edgekit_codegen.cost import instructions_of
from edgekit_codegen.emit import Sources
from edgekit_codegen.errors import CodegenError, InvalidPlan
from edgekit_codegen.ir import Activation, Box, Graph
from edgekit_codegen.memory import Plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import DepthwiseConv2D
from edgekit_codegen.prices import over_input
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.front import fastest
from edgekit_codegen.schedule.saved import SegmentChoice, choices, restored
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.types import AffineBox, Run, Schedule, Segment
from edgekit_codegen.schedule.work import mac_factor, overhead


def test_a_wide_bottleneck_needs_its_hidden_tensor_once() -> None:
    """Layer by layer it takes the input, the hidden tensor and as much of it again as the window reaches."""
    graph = planar.bottlenecks()
    hidden, (rows, pixels, channels) = graph.result(graph.ops[1]), graph.result(graph.ops[0]).hwc
    layers, in_place = planar.plan(graph, ()), planar.plan(graph)
    assert layers.arena_bytes > 1.5 * hidden.bytes
    assert in_place.arena_bytes <= hidden.bytes + rows * pixels * channels + (rows + 1) * pixels * 16 + 3
    for n in planar.able(graph):
        source, out = (in_place.storage(t.id) for t in (graph.operand(graph.ops[n], 0), graph.result(graph.ops[n])))
        assert source.offsets == out.offsets


def late() -> Graph:
    builder = Builder(1)
    x = builder.conv(builder.input(7, 7, 16), 80, 1, 1)
    hidden = builder.depthwise(builder.conv(x, 480, 1, 1), 7)
    return builder.graph("late", builder.add(x, builder.conv(hidden, 80, 1, 1)))


ENOUGH = 7 * 7 * (480 + 80) + 8 * 7 * 16
"""Bytes of its input, its hidden tensor, and the plane of 16 channels."""


def test_the_search_chooses_it_where_memory_is_short() -> None:
    graph = late()
    plan = fastest(graph, plans.HOST, ENOUGH)
    assert describe(plan.schedule) == "layers 0-4 (2 in place)"
    assert mac_factor(graph, plan.schedule) == 1.0
    validate(graph, plan, plans.HOST)
    inputs = host_model.random_inputs(graph, np.random.default_rng(1))
    assert plan_runner.run(graph, plan, inputs) == host_model.reference_bytes(graph, list(inputs))
    assert fastest(graph, plans.HOST).schedule != plan.schedule, "it costs time, so where there is memory it is not"


def drawn(graph: Graph, seed: int) -> Plan:
    rng = Random(seed)
    return planar.plan(graph, [n for n in planar.able(graph) if rng.randrange(4)])


GRAPHS = plans.graphs(most=12, kinds=("depthwise", *plans.MORE, "depthwise"), straight=True)


@given(GRAPHS, st.integers(0, 1 << 32))
@settings(max_examples=100)
def test_any_layers_in_place_compute_the_reference(graph: Graph, seed: int) -> None:
    """Also where the input is needed later, so that the output lies somewhere else."""
    with hasty_packing():
        plan = drawn(graph, seed)
    inputs = host_model.random_inputs(graph, np.random.default_rng(seed))
    assert plan_runner.run(graph, plan, inputs) == host_model.reference_bytes(graph, list(inputs))
    if walk.layers(plan.schedule):
        assert restored(graph, choices(graph, plan.schedule)) == plan.schedule


@given(st.lists(st.tuples(GRAPHS, st.integers(0, 1 << 32)), min_size=8, max_size=8))
@settings(max_examples=1, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would compile for minutes
def test_generated_code_in_place(tmp_path_factory: pytest.TempPathFactory, made: list[tuple[Graph, int]]) -> None:
    cases = [
        batch.Case(graph, drawn(graph, seed), host_model.random_inputs(graph, np.random.default_rng(seed)))
        for graph, seed in [(planar.bottlenecks(), 1), (planar.bottlenecks(3), 2), *made]
    ]
    assert sum(bool(walk.planar(case.plan.schedule)) for case in cases) > 3
    answers = batch.run(cases, tmp_path_factory.mktemp("batch"))
    for case, answer in zip(cases, answers, strict=True):
        assert answer == host_model.reference_bytes(case.graph, list(case.inputs))


def moved(plan: Plan, graph: Graph, by: int) -> Plan:
    """The output of the first layer in place that many bytes higher, with room for it."""
    out = plan.storage(graph.ops[min(walk.planar(plan.schedule))].outputs[0])
    there = replace(out, offsets=tuple(o + by for o in out.offsets))
    use = replace(plan.regions[0], used=plan.regions[0].used + by)
    storages = tuple(there if s is out else s for s in plan.storages)
    return replace(plan, storages=storages, regions=(use,), arena_bytes=plan.arena_bytes + by)


def scratch(plan: Plan, **changes: int) -> Plan:
    over = walk.planar(plan.schedule)
    return replace(plan, scratch=tuple(replace(s, **changes) if s.op in over else s for s in plan.scratch))


def rescheduled(plan: Plan, change: Callable[[Run], Run]) -> Plan:
    (segment,) = plan.schedule.segments
    nodes = tuple(change(n) if isinstance(n, Run) and n.planar else n for n in segment.nodes)
    return replace(plan, schedule=Schedule((Segment("layers", nodes),)))


def of_a_convolution(plan: Plan) -> Plan:
    (segment,) = plan.schedule.segments
    first = replace(segment.nodes[0], once=0, planar=True)  # type: ignore[call-overload]
    return replace(plan, schedule=Schedule((Segment("layers", (first, *segment.nodes[1:])),)))


def half(run: Run) -> Run:
    box = Box(0, 3, 0, 6, 0, 22)
    return replace(run, box=AffineBox.constant(box))


WRONG: dict[str, tuple[Callable[[Plan, Graph], Plan], str]] = {
    "somewhat above its input": (lambda p, g: moved(p, g, 4), "shifts onto its input"),
    "a row above its input": (lambda p, g: moved(p, g, 132), "shifts onto its input"),
    "too little scratch": (lambda p, g: scratch(p, size=300), "too little scratch"),
    "scratch in its input": (
        lambda p, g: scratch(p, offset=p.storage(g.ops[1].outputs[0]).offsets[0] + 16),
        "finds other bytes",
    ),
    "half of it": (lambda p, g: rescheduled(p, half), "all of its output at once, or nothing"),
    "a convolution in place": (lambda p, g: of_a_convolution(p), "cannot overwrite its input"),
    "row by row onto its input": (lambda p, g: rescheduled(p, lambda r: Run(r.op, r.box)), "overwrite its input"),
}


@pytest.mark.parametrize("what", WRONG)
def test_plans_that_get_it_wrong_are_refused_by_name(what: str) -> None:
    graph = planar.bottlenecks()
    change, message = WRONG[what]
    with pytest.raises(InvalidPlan, match=message):
        validate(graph, change(planar.plan(graph), graph), plans.HOST)


def test_an_input_that_is_needed_later_may_not_be_overwritten() -> None:
    b = GraphBuilder()
    x = b.relu(b.input((1, 5, 5, 6)), quant=plans.OTHER)
    graph = b.graph(b.add(b.depthwise(x, attrs=DepthwiseConv2D(padding=plans.SAME)), x))
    plan = planar.plan(graph)
    source, out = (plan.storage(i) for i in (x, graph.ops[1].outputs[0]))
    assert source.offsets != out.offsets
    storages = tuple(replace(s, offsets=source.offsets) if s is out else s for s in plan.storages)
    with pytest.raises(InvalidPlan, match="finds other bytes"):
        validate(graph, replace(plan, storages=storages), plans.HOST)


def test_a_layer_in_place_is_kept_in_a_file(tmp_path: Path) -> None:
    model, file = tmp_path / "late.tflite", tmp_path / "s.toml"
    model.write_bytes(tflite.dump(late()))
    small = plan_model(model, board="host", sram=ENOUGH, save_schedule=file)
    assert small.schedule == "layers 0-4 (2 in place)"
    assert "planar = [2]" in file.read_text()
    again = plan_model(model, board="host", schedule=file)
    assert (again.arena_bytes, again.schedule) == (small.arena_bytes, small.schedule)
    file.write_text(file.read_text().replace("planar = [2]", "planar = [1]"))
    with pytest.raises(ConfigError) as caught:
        plan_model(model, board="host", schedule=file)
    assert caught.value.code == "schedule.impossible"
    assert schedule_file.SCHEMA == 1


@pytest.mark.parametrize(
    "choice",
    [
        SegmentChoice("layers", (0, 1, 2, 3, 4, 5, 6), planar=(0,)),
        SegmentChoice("layers", (0, 1, 2, 3, 4, 5, 6), planar=(9,)),
        SegmentChoice("layers", (0, 1, 2, 3, 4, 5, 6), reversed=(2,), planar=(2,)),
        SegmentChoice("stream", (0, 1, 2, 3, 4, 5, 6), planar=(2,)),
    ],
    ids=["a convolution", "no operator", "backwards", "in a stream"],
)
def test_what_cannot_be_in_place_is_no_choice(choice: SegmentChoice) -> None:
    with pytest.raises(CodegenError, match="there is no segment"):
        restored(planar.bottlenecks(), (choice,))


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m7"])
def test_every_load_and_store_keeps_to_the_plan(name: str, tmp_path: Path) -> None:
    graph = planar.bottlenecks()
    assert replayed(graph, planar.plan(graph), tmp_path, name).stores > 3000


def in_kernel(old: str, new: str) -> Callable[[Sources], Sources]:
    def change(sources: Sources) -> Sources:
        text = sources.files["kernels/depthwise_conv2d.h"]
        assert old in text
        return replace(sources, files={**sources.files, "kernels/depthwise_conv2d.h": text.replace(old, new)})

    return change


SABOTAGE: dict[str, tuple[Callable[[Sources], Sources], str]] = {
    "a window over what is written already": (
        in_kernel("ek_planes_copy(copy, plane.in_c, in[0] + c,", "ek_planes_copy(copy, plane.in_c, in[0] + c / 2,"),
        r"depthwise_conv2d in place \(layer 2\): .* loads .* after this row has overwritten it",
    ),
    "a channel that is left as it was": (
        in_kernel("result, plane.in_c, plane.in_c, p->in_w)", "result, plane.in_c, plane.in_c - 1, p->in_w)"),
        r"depthwise_conv2d in place \(layer 2\) leaves byte \d+ of region ram",
    ),
    "a copy that begins nowhere": (
        in_kernel("plane.in_c, rows * p->in_w);", "plane.in_c, (rows - 1) * p->in_w);"),
        r"depthwise_conv2d in place \(layer 2\): .* before it has stored there",
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_kernels_that_get_it_wrong_are_caught(what: str, tmp_path: Path) -> None:
    graph = planar.bottlenecks()
    change, message = SABOTAGE[what]
    with pytest.raises(AccessError, match=message):
        replayed(graph, planar.plan(graph), tmp_path, change=change)


@pytest.mark.parametrize(("size", "kernel", "channels"), [(7, 7, 96), (7, 3, 48), (14, 5, 24), (14, 3, 48)])
def test_its_price_is_near_what_it_executes(size: int, kernel: int, channels: int) -> None:
    """Beyond those of layer by layer, by the instructions of both."""
    builder = Builder(1)
    graph = builder.graph("window", builder.depthwise(builder.input(size, size, channels), kernel, 1, Activation.RELU6))
    op, machine = graph.ops[0], core(toolchains.require("gnu"), "cortex-m7")
    counts = []
    for way in (Way(), Way(planar=True)):
        machine.memory.used = 0
        x = np.random.default_rng(1).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)
        counts.append(machine.executed(prepare(machine, graph, op, (x,), way=way).calls))
    assert over_input(graph, op) == pytest.approx(counts[1] - counts[0], rel=0.35)
    assert instructions_of(graph, op) + over_input(graph, op) == pytest.approx(counts[1], rel=0.15)
    extra = overhead(graph, planar.schedule(graph, [0]))
    assert extra == round(over_input(graph, op))
