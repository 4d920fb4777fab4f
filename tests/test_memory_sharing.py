"""Slices that lie in what they are taken from, and concatenations that are written in place by their producers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import host_model, plans
from support.graph_builder import GraphBuilder

from edgekit_codegen import reference
from edgekit_codegen.emit import emit
from edgekit_codegen.errors import CodegenError, InvalidPlan
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.memory import Plan
from edgekit_codegen.memory.buffer import live_bytes
from edgekit_codegen.memory.buffers import buffers
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Concatenation, StridedSlice
from edgekit_codegen.schedule import layerwise, walk
from edgekit_codegen.schedule.types import Run, Schedule


class Builder(GraphBuilder):
    def part(self, x: TensorId, axis: int, begin: int, size: int) -> TensorId:
        shape = self.shape(x)
        begins = tuple(begin if i == axis else 0 for i in range(len(shape)))
        sizes = tuple(size if i == axis else d for i, d in enumerate(shape))
        return self._op("strided_slice", (x,), StridedSlice(begins, sizes, (1,) * len(shape)))

    def join(self, axis: int, *inputs: TensorId) -> TensorId:
        return self._op("concatenation", inputs, Concatenation(axis))


def planned(graph: Graph) -> Plan:
    """A plan that the checker accepts."""
    plan = plans.plan(graph)
    validate(graph, plan, plans.HOST)
    return plan


def run_kinds(graph: Graph, plan: Plan) -> list[str]:
    return [graph.ops[n].kind for n in walk.layers(plan.schedule)]


def begin(plan: Plan, ident: TensorId) -> int:
    return plan.storage(ident).offsets[0]


def copying(graph: Graph) -> int:
    """The peak of the schedule that copies every slice and every concatenation."""
    return max(live_bytes(buffers(graph, layerwise.schedule(graph))).values())


def test_rows_split_and_joined_are_never_copied() -> None:
    b = Builder()
    x = b.conv2d(b.input((1, 8, 6, 4)), 4, (1, 1))
    halves = b.part(x, 1, 0, 3), b.part(x, 1, 3, 5)
    y = [b.conv2d(half, 8, (1, 1)) for half in halves]
    flat = [b.reshape(half, (1, b.shape(half)[1], 48)) for half in y]
    out = b.reshape(b.join(1, *flat), (1, 8, 6, 8))
    graph = b.graph(b.softmax(out))
    plan = planned(graph)
    assert run_kinds(graph, plan) == ["conv2d"] * 3 + ["softmax"]
    assert [begin(plan, half) - begin(plan, x) for half in halves] == [0, 3 * 24]
    assert [begin(plan, half) - begin(plan, out) for half in y] == [0, 3 * 48]
    assert (plan.arena_bytes, copying(graph)) == (8 * 6 * 12, 8 * 6 * 16)


def test_a_part_of_every_row_is_copied() -> None:
    b = Builder()
    x = b.conv2d(b.input((1, 8, 6, 4)), 8, (1, 1))
    graph = b.graph(b.join(3, b.relu(b.part(x, 3, 0, 4)), b.relu(b.part(x, 3, 4, 4))))
    assert run_kinds(graph, planned(graph)).count("strided_slice") == 2
    assert run_kinds(graph, planned(graph)).count("concatenation") == 1


@pytest.mark.parametrize(("channels", "first", "copied"), [(4, 3, False), (3, 3, True), (3, 4, False)])
def test_parts_begin_at_whole_words(channels: int, first: int, copied: bool) -> None:
    """Kernels may load words from the start of a tensor."""
    b = Builder()
    x = b.relu(b.input((1, 8, channels)))
    graph = b.graph(b.softmax(b.part(x, 1, first, 2)))
    assert ("strided_slice" in run_kinds(graph, planned(graph))) is copied


def test_a_small_part_that_lives_long_is_copied_where_that_saves_memory() -> None:
    b = Builder()
    x = b.relu(b.input((1, 64, 4, 4)))
    kept = b.part(x, 1, 0, 1)
    y = b.pool("max", x, (64, 4))
    for channels in (128, 128, 4):
        y = b.conv2d(b.pad(y, 3, 3, 3, 3), channels, (1, 1)) if channels == 128 else b.conv2d(y, channels, (1, 1))
    graph = b.graph(y, b.relu(kept))
    plan = planned(graph)
    assert "strided_slice" in run_kinds(graph, plan)
    view_too = Schedule(tuple(replace(s, nodes=_without(graph, s.nodes)) for s in plan.schedule.segments))
    assert max(live_bytes(buffers(graph, view_too)).values()) > plan.lower_bound_bytes


def _without(graph: Graph, nodes: tuple[object, ...]) -> tuple[Run, ...]:
    return tuple(n for n in nodes if isinstance(n, Run) and graph.ops[n.op].kind != "strided_slice")


def test_copies_that_only_save_memory_together_all_stay() -> None:
    """Trying them one by one, each without the others' help, would leave the plan larger than copying everything."""
    b = Builder()
    x, other = b.input((1, 3, 4)), b.input((1, 1, 4))
    first, kept = b.part(x, 1, 0, 1), b.part(x, 1, 0, 1)
    whole = b.relu(x)
    b.part(x, 1, 0, 1)
    b.join(1, first, whole)
    graph = b.graph(b.relu(other), kept)
    assert planned(graph).lower_bound_bytes <= copying(graph)


def test_a_view_is_not_overwritten_while_another_part_is_needed() -> None:
    """The RELU of one half would be computed in place, were it not for the SOFTMAX of both."""
    b = Builder()
    x = b.relu(b.input((1, 8, 4)))
    half = b.relu(b.part(x, 1, 0, 4), quant=plans.OTHER)
    graph = b.graph(half, b.softmax(x))
    plan = planned(graph)
    assert "strided_slice" not in run_kinds(graph, plan)
    assert begin(plan, half) != begin(plan, x)


def test_a_part_whose_whole_dies_is_overwritten() -> None:
    b = Builder()
    x = b.relu(b.input((1, 8, 4)))
    half = b.relu(b.part(x, 1, 4, 4), quant=plans.OTHER)
    graph = b.graph(b.conv2d(b.reshape(half, (1, 1, 4, 4)), 2, (1, 1)))
    plan = planned(graph)
    assert begin(plan, half) == begin(plan, x) + 16


@pytest.mark.parametrize("case", ["twice", "constant", "of one tensor, swapped", "with a foreign part"])
def test_what_cannot_lie_in_one_place_is_copied(case: str) -> None:
    b = Builder()
    x = b.relu(b.input((1, 4, 4)))
    low = b.part(x, 1, 0, 2)
    if case == "twice":
        joined = (low, low)
    elif case == "constant":
        joined = (low, b._constant((1, 2, 4), b.tensors[x].dtype, b.tensors[x].quant, 9))
    elif case == "of one tensor, swapped":
        joined = (b.part(x, 1, 2, 2), low)
    else:
        joined = (low, b.relu(low))
    graph = b.graph(b.join(1, *joined), b.softmax(x))
    assert "concatenation" in run_kinds(graph, planned(graph))


def test_rows_taken_backwards_are_copied() -> None:
    """They span as many bytes as they have, and yet are no neighbours in that order."""
    b = Builder()
    x = b.relu(b.input((1, 2, 4, 4)))
    graph = b.graph(b.softmax(b._op("strided_slice", (x,), StridedSlice((0, 0, 1, 0), (1, 2, 2, 4), (1, 1, -1, 1)))))
    assert "strided_slice" in run_kinds(graph, planned(graph))


def test_parts_joined_in_their_own_order_are_the_whole() -> None:
    b = Builder()
    x = b.relu(b.input((1, 4, 4)))
    out = b.join(1, b.part(x, 1, 0, 2), b.part(x, 1, 2, 2))
    graph = b.graph(b.softmax(out))
    plan = planned(graph)
    assert run_kinds(graph, plan) == ["relu", "softmax"]
    assert begin(plan, out) == begin(plan, x)


@pytest.mark.parametrize("kind", ["strided_slice", "concatenation"])
def test_a_part_in_the_wrong_place_is_noticed(kind: str) -> None:
    b = Builder()
    x = b.conv2d(b.input((1, 8, 6, 4)), 4, (1, 1))
    halves = b.part(x, 1, 0, 4), b.part(x, 1, 4, 4)
    y = [b.reshape(b.conv2d(half, 4, (1, 1)), (1, 4, 24)) for half in halves]
    out = b.join(1, *y)
    graph = b.graph(b.softmax(out))
    plan = planned(graph)
    moved = {"strided_slice": halves[1], "concatenation": out}[kind]
    for shift in (-4, 4, 24):
        storages = tuple(
            replace(s, offsets=tuple(o + shift for o in s.offsets)) if s.tensor == moved else s for s in plan.storages
        )
        uses = tuple(replace(u, used=u.used + 64, size=u.size + 64) for u in plan.regions)
        roomy = replace(plan, storages=storages, regions=uses, arena_bytes=plan.arena_bytes + 64)
        with pytest.raises(InvalidPlan):
            validate(graph, roomy, plans.HOST)


def test_an_operator_that_moves_elements_cannot_be_left_out() -> None:
    b = Builder()
    x = b.conv2d(b.input((1, 8, 6, 4)), 8, (1, 1))
    graph = b.graph(b.softmax(b.part(x, 3, 4, 4)))
    plan = planned(graph)
    nodes = _without(graph, plan.schedule.segments[0].nodes)
    schedule = Schedule((replace(plan.schedule.segments[0], nodes=nodes),))
    with pytest.raises(InvalidPlan):
        validate(graph, replace(plan, schedule=schedule), plans.HOST)
    with pytest.raises(CodegenError, match="does not run"):
        buffers(graph, schedule)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Slices, concatenations, views, operators in place and outputs, in any order, over [1, n, 4]."""
    b = Builder(draw(st.integers(0, 99)))
    pool = [b.input((1, draw(st.integers(1, 8)), 4)) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(1, 10))):
        x = draw(st.sampled_from(pool))
        size = b.shape(x)[1]
        kind = draw(st.sampled_from(["part", "part", "join", "join", "relu", "add", "view", "pool"]))
        if kind == "part":
            first = draw(st.integers(0, size - 1))
            pool.append(b.part(x, 1, first, draw(st.integers(1, size - first))))
        elif kind == "join":
            pool.append(b.join(1, x, *draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2))))
        elif kind == "relu":
            pool.append(b.relu(x, quant=b.tensors[x].quant))
        elif kind == "add":
            alike = [i for i in pool if b.shape(i) == b.shape(x)]
            pool.append(b.add(x, draw(st.sampled_from(alike))))
        elif kind == "view":
            pool.append(b.reshape(b.reshape(x, (size, 4)), (1, size, 4)))
        else:
            image = b.reshape(x, (1, size, 1, 4))
            pool.append(b.reshape(b.pool("max", image, (1, 1)), (1, size, 4)))
    made = [i for i in pool if i not in b.inputs]
    return b.graph(*dict.fromkeys([made[-1], *draw(st.lists(st.sampled_from(made), max_size=2))]))


@given(graphs())
def test_plans_that_share_are_valid_and_never_larger(graph: Graph) -> None:
    plan = planned(graph)
    assert plan.lower_bound_bytes <= copying(graph)


@pytest.mark.slow
@settings(max_examples=40)
@given(graphs())
def test_generated_c_computes_on_shared_bytes(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    check(graph, tmp_path_factory.mktemp("shared"))


def test_generated_c_computes_on_shared_bytes_of_every_kind(tmp_path: Path) -> None:
    """Parts of an input, of a part, views of them, joined in place; an output in the middle of it all."""
    b = Builder()
    x = b.input((1, 8, 4))
    low, high = b.part(x, 1, 0, 4), b.part(x, 1, 4, 4)
    inner = b.relu(b.part(high, 1, 1, 2), quant=plans.OTHER)
    rows = b.reshape(low, (1, 2, 2, 4))
    y = b.reshape(b.conv2d(rows, 4, (1, 1), quant=plans.OTHER), (1, 4, 4))
    joined = b.join(1, y, inner)
    graph = b.graph(b.softmax(b.join(1, b.reshape(joined, (1, 3, 8)), b.reshape(y, (1, 2, 8)))), joined, inner)
    plan = check(graph, tmp_path)
    assert run_kinds(graph, plan) == ["relu", "conv2d", "concatenation", "softmax"]


def check(graph: Graph, folder: Path) -> Plan:
    """The C of a plan gives what the reference gives."""
    plan = planned(graph)
    model = host_model.build(emit(graph, plan, plans.HOST), graph, folder, optimize="-O1")
    rng = np.random.default_rng(5)
    inputs = [[rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs] for _ in range(4)]
    for values, answer in zip(inputs, model.run(inputs), strict=True):
        expected = b"".join(result.tobytes() for result in reference.run(graph, values))
        assert answer == expected
    return plan
