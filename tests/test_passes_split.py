"""Hidden channels in groups whose products add up in int32: the same values, and nothing is computed twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import batch, host_model, plan_runner, planar, plans, toolchains
from support.arena_cases import replayed
from support.arena_replay import AccessError
from support.arm_runner import core
from support.graph_builder import GraphBuilder
from support.kernel_runner import prepare
from support.plans import OTHER, SAME
from support.rewrites import kinds, values

from benchmarks.builder import Builder
from edgekit.api import build, plan
from edgekit.errors import ConfigError
from edgekit.export import tflite
from edgekit_codegen import passes
from edgekit_codegen.cost import instructions_of
from edgekit_codegen.emit import Sources
from edgekit_codegen.errors import InvalidPlan
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops import TABLE, linear
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.passes.channel_split import Split, chains, channel_split, layers
from edgekit_codegen.reference import execute, run
from edgekit_codegen.schedule import front
from edgekit_codegen.schedule.fitting import describe, fitting, mac_factor, overhead
from edgekit_codegen.schedule.segments import Segments


@st.composite
def bottlenecks(draw: st.DrawFn) -> tuple[Graph, Split]:
    """An expansion, operators of single channels, and a pointwise convolution, with a residual or without."""
    b = GraphBuilder(draw(st.integers(0, 99)))
    source = x = b.input((1, draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 6))))
    hidden, activations = draw(st.integers(1, 40)), st.sampled_from(list(Activation))
    first = x = b.conv2d(x, hidden, draw(st.sampled_from([(1, 1), (3, 3)])), Conv2D(padding=SAME))
    for kind in draw(st.lists(st.sampled_from(["relu", "window", "strided", "pool", "quantize"]), max_size=3)):
        if kind == "relu":
            x = b.relu(x)
        elif kind == "window":
            x = b.depthwise(x, attrs=DepthwiseConv2D(padding=SAME, activation=draw(activations)))
        elif kind == "strided":
            x = b.depthwise(x, attrs=DepthwiseConv2D((2, 2), padding=SAME))
        elif kind == "pool":
            x = b.pool("max", x, (2, 2), padding=SAME)
        else:
            x = b.quantize(x, OTHER)
    attrs = Conv2D(activation=draw(activations))
    last = b.conv2d(x, draw(st.integers(1, 9)), (1, 1), attrs)
    end = b.add(last, source) if b.shape(last) == b.shape(source) else b.relu(last)
    outputs = draw(st.sampled_from([(end,), (end, last)]))
    return varied(b.graph(*outputs), last, draw(st.booleans())), Split(first, last, draw(st.integers(1, 6)))


def varied(graph: Graph, last: int, per_channel: bool) -> Graph:
    """The pointwise convolution's weights with a scale for each output channel, if so."""
    op = graph.producer(last)
    assert op is not None
    weights = graph.operand(op, 1)
    n = weights.shape[0]
    if not per_channel or n == 1:
        return graph
    scaled = replace(weights, quant=Quant(tuple(2.0 ** -(3 + i / 2) for i in range(n)), (0,) * n, 0))
    return verify(graph.with_ops(graph.ops, {**graph.tensors, weights.id: scaled}), "the test")


@given(bottlenecks())
@settings(max_examples=60)
def test_the_same_outputs_in_any_groups(drawn: tuple[Graph, Split]) -> None:
    graph, split = drawn
    changed = verify(channel_split(graph, split), "the test")
    inputs = values(graph, 1)
    for before, after in zip(run(graph, inputs), run(changed, inputs), strict=True):
        np.testing.assert_array_equal(before, after)
    assert passes.macs(changed) == passes.macs(graph)
    sizes = [changed.operand(op, 1).shape[-1] for op in layers(changed, split) if op.kind == "partial_sums"]
    assert sum(sizes) == graph.tensors[split.first].shape[-1] and len(sizes) <= split.count
    assert all(size % linear.TILE == 0 for size in sizes[1:]), "the last group, which is told first, has the rest"


@given(bottlenecks())
@settings(max_examples=40)
def test_kernels_and_plans_of_groups_compute_the_reference(drawn: tuple[Graph, Split]) -> None:
    graph, split = drawn
    changed = verify(channel_split(graph, split), "the test")
    inputs = host_model.random_inputs(graph, np.random.default_rng(3))
    made = planar.plan(changed)
    assert plan_runner.run(changed, made, inputs) == host_model.reference_bytes(graph, list(inputs))
    sums = [made.storage(op.outputs[0]).offsets for op in changed.ops if op.kind == "partial_sums"]
    assert len(set(sums)) == 1, "sums are added to where they are"


def wide(hidden: int = 96, between: int = 1) -> tuple[GraphBuilder, int, int]:
    b = GraphBuilder()
    first = x = b.conv2d(b.input((1, 5, 5, 8)), hidden, (1, 1))
    for _ in range(between):
        x = b.depthwise(x, (5, 5), DepthwiseConv2D(padding=Padding(2, 2, 2, 2)))
    return b, first, x


def test_groups_follow_each_other() -> None:
    b, first, x = wide(24)
    last = b.conv2d(x, 4, (1, 1))
    graph = b.graph(last)
    changed = channel_split(graph, Split(first, last, 3))
    assert kinds(changed) == ["conv2d", "depthwise_conv2d", "partial_sums"] * 3 + ["requantize_sums"]
    assert layers(changed, Split(first, last, 3)) == list(changed.ops)[::-1]


def test_only_what_leads_to_one_pointwise_convolution_alone_is_a_chain() -> None:
    b, _, x = wide(between=0)
    assert [len(c) for c in chains(b.graph(b.conv2d(x, 4, (1, 1))))] == [2]
    b, _, x = wide(between=2)
    assert [len(c) for c in chains(b.graph(b.conv2d(x, 4, (1, 1))))] == [4]
    for last in (
        lambda b, x: b.conv2d(x, 4, (3, 3)),
        lambda b, x: b.conv2d(x, 4, (1, 1), Conv2D((2, 2))),
        lambda b, x: b.conv2d(x, 4, (1, 1), Conv2D(padding=Padding(1, 0, 0, 0))),
        lambda b, x: b.conv2d(b.add(x, b.relu(x)), 4, (1, 1)),
        lambda b, x: b.conv2d(b.mean(x, (1, 2), keep_dims=True), 4, (1, 1)),
        lambda b, x: b.relu(x),
    ):
        b, _, x = wide()
        assert not list(chains(b.graph(last(b, x))))
    b, _, x = wide()
    assert not list(chains(b.graph(b.conv2d(x, 4, (1, 1)), x))), "is an output itself"


def test_tensors_that_do_not_lead_to_each_other_are_refused() -> None:
    b, first, x = wide()
    last = b.conv2d(x, 4, (1, 1))
    graph = b.graph(b.relu(last))
    for wrong in (Split(last, first, 2), Split(first, graph.outputs[0], 2), Split(first, last, 0)):
        with pytest.raises(ValueError, match="cannot be split"):
            channel_split(graph, wrong)


def late() -> Graph:
    """Its hidden tensor is 4,704 bytes, and needs them once at least; sums are 2,352."""
    builder = Builder(1)
    x = builder.conv(builder.input(7, 7, 8), 12, 1, 1)
    hidden = builder.depthwise(builder.conv(x, 96, 1, 1), 7)
    return builder.graph("late", builder.add(x, builder.conv(hidden, 12, 1, 1)))


BUDGET = 7 * 7 * 12 + 4 * 7 * 7 * 12 + 7 * 7 * 32 + 700


def test_what_does_not_fit_otherwise_is_split(tmp_path: Path) -> None:
    graph = late()
    smallest = front.least(Segments(graph))
    assert smallest is not None and smallest.arena_bytes > BUDGET
    found = fitting(graph, plans.HOST, BUDGET)
    assert found.plan.arena_bytes <= BUDGET and mac_factor(graph, found.graph, found.plan.schedule) == 1.0
    (split,) = found.rewrites.splits
    (told,) = describe(found.graph, found.plan.schedule, found.rewrites)
    assert told.endswith(f"in {split.count} groups of hidden channels")
    assert overhead(graph, found.graph, found.plan.schedule) > 0
    validate(found.graph, found.plan, plans.HOST)
    inputs = host_model.random_inputs(graph, np.random.default_rng(5))
    (answer,) = batch.run([batch.Case(found.graph, found.plan, inputs)], tmp_path)
    assert answer == host_model.reference_bytes(graph, list(inputs))


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
def test_every_load_and_store_keeps_to_the_plan(core: str, tmp_path: Path) -> None:
    graph = late()
    found = fitting(graph, plans.HOST, BUDGET)
    assert replayed(found.graph, found.plan, tmp_path, core).stores > 10_000


def test_a_file_keeps_it(tmp_path: Path) -> None:
    model, file = tmp_path / "late.tflite", tmp_path / "s.toml"
    model.write_bytes(tflite.dump(late()))
    small = plan(model, board="host", sram=BUDGET, save_schedule=file)
    assert "groups of hidden channels" in small.rewritten[0] and "[[splits]]" in file.read_text()
    again = plan(model, board="host", schedule=file, explain=True)
    assert (again.arena_bytes, again.schedule, again.rewritten) == (small.arena_bytes, small.schedule, small.rewritten)
    built = build(model, board="host", out=tmp_path / "built", schedule=file)
    assert (built.arena_bytes, built.mac_factor) == (small.arena_bytes, 1.0)
    file.write_text(file.read_text().replace("first = ", "first = 9"))
    with pytest.raises(ConfigError, match=r"s\.toml.*splits") as caught:
        plan(model, board="host", schedule=file)
    assert caught.value.code == "schedule.impossible"


def test_inputs_of_as_many_bytes_as_their_sums_are_not_overwritten() -> None:
    """16 int8 channels and the sums of 4 are 16 bytes a pixel, but each sum needs all of the channels."""
    b = GraphBuilder()
    first = b.conv2d(b.input((1, 4, 4, 2)), 16, (1, 1))
    last = b.conv2d(first, 4, (1, 1))
    changed = channel_split(b.graph(last), Split(first, last, 1))
    made = planar.plan(changed)
    x, sums = (made.storage(i) for i in (changed.ops[0].outputs[0], changed.ops[1].outputs[0]))
    assert x.offsets != sums.offsets and (x.pitch, x.slots) == (sums.pitch, sums.slots)
    storages = tuple(replace(s, offsets=x.offsets) if s is sums else s for s in made.storages)
    with pytest.raises(InvalidPlan, match="row 0 of partial_sums would overwrite its input"):
        validate(changed, replace(made, storages=storages), plans.HOST)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "to[oc] = sum[0][0];",
            "to[oc] = 0; to[oc] = ek_wrapping_add(sum[0][0], from[oc]);",
            "partial_sums .* loads .* after this row has overwritten it",
        ),
        (
            "for (; x + 2 <= x1; x += 2) {",
            "for (; x + 4 <= x1; x += 2) {",
            r"row 0 of partial_sums .* stores to byte \d+ .*, not to this row",
        ),
        (
            "in[1] + x * p->in_c, w);",
            "in[1] + (x + 1) * p->in_c, w);",
            "partial_sums .* does not declare to read",
        ),
    ],
    ids=["sums that are read too late", "pixels that are left out", "inputs of the next pixel"],
)
def test_kernels_that_get_sums_wrong_are_caught(old: str, new: str, message: str, tmp_path: Path) -> None:
    graph = late()
    found = fitting(graph, plans.HOST, BUDGET)

    def change(sources: Sources) -> Sources:
        text = sources.files["kernels/partial_sums.h"]
        assert old in text
        return replace(sources, files={**sources.files, "kernels/partial_sums.h": text.replace(old, new)})

    with pytest.raises(AccessError, match=message):
        replayed(found.graph, found.plan, tmp_path, change=change)


def test_their_price_is_near_what_they_execute() -> None:
    b = Builder(2)
    made = b.graph("late", b.conv(b.conv(b.input(5, 6, 8), 96, 1, 1), 48, 1, 1))
    changed = channel_split(made, Split(made.ops[0].outputs[0], made.ops[1].outputs[0], 3))
    inputs = host_model.random_inputs(made, np.random.default_rng(1))
    machine, values = core(toolchains.require("gnu"), "cortex-m7"), execute(changed, inputs)
    for op in changed.ops:
        if op.kind in ("partial_sums", "requantize_sums"):
            machine.memory.used = 0
            operands = TABLE[op.kind].operands(changed, op)
            given = [values[t.id] for t in operands if not t.is_constant]
            count = machine.executed(prepare(machine, changed, op, given).calls)
            assert instructions_of(changed, op) == pytest.approx(count, rel=0.15)
