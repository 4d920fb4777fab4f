"""The order of operators with the least peak: legal, never worse than the file's, and the best there is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from support import host_model, plan_runner, plans
from support.graph_builder import GraphBuilder

from edgekit import boards, pipeline
from edgekit.export import tflite
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.memory.buffer import lower_bound
from edgekit_codegen.memory.buffers import buffers
from edgekit_codegen.ops import TABLE
from edgekit_codegen.schedule import layerwise, order
from edgekit_codegen.schedule.order import ordered

MOST = 150  # orders that are compared with


def bound(graph: Graph) -> int:
    return lower_bound(buffers(graph, layerwise.schedule(graph)))


def all_orders(graph: Graph) -> Iterator[Graph]:
    """Every legal order of the operators, by brute force."""

    def rest(made: frozenset[TensorId], chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(chosen) == len(graph.ops):
            yield chosen
        for n, op in enumerate(graph.ops):
            if n not in chosen and all(i is None or i in made for i in op.inputs):
                yield from rest(made | set(op.outputs), (*chosen, n))

    constants = {t.id for t in graph.tensors.values() if t.is_constant}
    for chosen in rest(frozenset(constants | set(graph.inputs)), ()):
        yield graph.with_ops(tuple(graph.ops[n] for n in chosen))


@given(plans.graphs(most=12))
@settings(max_examples=60)
def test_any_graph_keeps_its_operators_in_a_legal_order_that_is_not_worse(graph: Graph) -> None:
    found = verify(ordered(graph), "ordering")
    assert sorted(map(id, found.ops)) == sorted(map(id, graph.ops))
    assert (found.inputs, found.outputs, found.tensors) == (graph.inputs, graph.outputs, graph.tensors)
    assert bound(found) <= bound(graph)
    if found.ops != graph.ops:
        made = {ident: n for n, op in enumerate(found.ops) for ident in op.outputs}
        for n, op in enumerate(found.ops):
            source = op.inputs[0]
            if TABLE[op.kind].kernel is None and source in made:
                between = found.ops[made[source] + 1 : n]
                assert all(TABLE[other.kind].kernel is None for other in between), "a view stands behind what it shows"


@given(plans.graphs(most=7))
@settings(max_examples=60)
def test_small_graphs_come_out_as_good_as_the_best_of_all_orders(graph: Graph) -> None:
    orders = list(itertools.islice(all_orders(graph), MOST))
    assume(1 < len(orders) < MOST)
    assert bound(ordered(graph)) == min(map(bound, orders))


def branches(count: int) -> Graph:
    """From 128 bytes each branch widens to 1,536 and comes back to 128; the file runs all first halves first."""
    b = GraphBuilder()
    x = b.input((1, 8, 8, 2))
    wide = [b.conv2d(x, 24, (1, 1)) for _ in range(count)]
    narrow = [b.conv2d(i, 2, (1, 1)) for i in wide]
    total = narrow[0]
    for other in narrow[1:]:
        total = b.add(total, other)
    return b.graph(total)


def test_branches_run_one_after_the_other() -> None:
    """At best one branch is wide at a time: 1,536 bytes and one row that it becomes, beside what else is there (the
    input and one sum); in the file's order all of them are wide."""
    graph = branches(3)
    found = ordered(graph)
    assert bound(graph) == 3 * 1536 + 16
    assert bound(found) == 1536 + 16 + 2 * 128
    inputs = host_model.random_inputs(graph, np.random.default_rng(1))
    assert plan_runner.run(found, plans.plan(found), inputs) == host_model.reference_bytes(graph, inputs)


def test_a_branch_may_have_to_wait_in_its_middle() -> None:
    """Two branches that each narrow, then widen: both have to be narrow before either may widen."""
    b = GraphBuilder()
    x = b.input((1, 8, 8, 16))
    ends = []
    for _ in range(2):
        narrow = b.conv2d(b.conv2d(x, 40, (1, 1)), 1, (1, 1))
        ends.append(b.conv2d(narrow, 16, (1, 1)))
    graph = b.graph(b.add(*ends))
    kinds = [graph.result(op).shape[3] for op in ordered(graph).ops]
    assert kinds == [40, 1, 40, 1, 16, 16, 16]
    assert bound(ordered(graph)) == min(map(bound, all_orders(graph)))


@pytest.mark.parametrize("steps", [0, 300])
def test_wide_graphs_get_a_better_order_without_an_exact_search(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "STEPS", steps)
    graph = branches(20)
    assert bound(ordered(graph)) == bound(ordered(branches(3)))


def test_every_call_gives_the_same_order() -> None:
    assert [op.origin for op in ordered(branches(6)).ops] == [op.origin for op in ordered(branches(6)).ops]


def test_a_model_in_a_wasteful_order_is_planned_in_a_better_one_and_layers_name_the_files_operators(
    tmp_path: Path,
) -> None:
    path = tmp_path / "branches.tflite"
    path.write_bytes(tflite.dump(branches(3)))
    read = pipeline.read_model(path, boards.load("host"), "model")
    assert bound(read.graph) == bound(ordered(branches(3))) < bound(read.source)
    for op in read.graph.ops:
        (origin,) = op.origin
        assert read.source.ops[origin].outputs == op.outputs
    compiled = pipeline.compile_model(path, boards.load("host"))
    layers = emit(compiled.graph, compiled.plan, compiled.target).files["layers.json"]
    sources = [line.split('"source": [')[1].split("]")[0] for line in layers.splitlines() if '"source"' in line]
    assert sorted(sources) == [str(n) for n in range(8)] and sources != sorted(sources)


@pytest.mark.parametrize("name", ["mlperf_tiny_vww", "mlperf_tiny_ic", "mlperf_tiny_sww"])
def test_real_models_that_are_in_a_good_order_stay_as_they_are(name: str) -> None:
    graph = plans.real(name)
    assert ordered(graph) is graph
