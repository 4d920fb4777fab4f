"""What waits for its own reduction is computed again, and every value stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import plans
from support.graph_builder import GraphBuilder
from support.rewrites import values
from support.squeezed import REDUCTIONS, block, network

from edgekit_codegen import cost, passes
from edgekit_codegen.emit import EmitOptions, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import Mul
from edgekit_codegen.passes.computed_again import Again, candidates, computed_again, waiting, work
from edgekit_codegen.reference import run


@st.composite
def squeezed(draw: st.DrawFn) -> Graph:
    """Blocks whose expansions wait, in sizes and forms of their own; some outputs come from their midst."""
    b = GraphBuilder(draw(st.integers(0, 99)))
    x = b.input((1, draw(st.integers(2, 6)), draw(st.integers(2, 6)), draw(st.integers(1, 3))))
    outputs = []
    for _ in range(draw(st.integers(1, 2))):
        hidden = b.shape(x)[3] * draw(st.integers(2, 4))
        before = draw(st.lists(st.sampled_from(["relu", "window"]), max_size=2))
        first = len(b.tensors)
        x = block(b, x, hidden, draw(st.sampled_from(REDUCTIONS)), before)
        made = [i for i in range(first, len(b.tensors)) if not b.tensors[i].is_constant]
        outputs += draw(st.lists(st.sampled_from(made), max_size=1))
    return b.graph(*dict.fromkeys([*outputs, x]))


def check(graph: Graph, changed: Graph) -> None:
    """The same outputs, and another graph."""
    verify(changed, "the test")
    assert len(changed.ops) > len(graph.ops)
    inputs = values(graph, 1)
    for before, after in zip(run(graph, inputs), run(changed, inputs), strict=True):
        np.testing.assert_array_equal(before, after)


@given(squeezed())
@settings(max_examples=40)
def test_the_same_outputs_whatever_is_computed_again(graph: Graph) -> None:
    found = list(candidates(graph))
    assert found
    every = graph
    for again in found:
        changed = computed_again(graph, again)
        check(graph, changed)
        assert passes.macs(changed) == passes.macs(graph) + work(graph, again)
        every = computed_again(every, again)
    check(graph, every)
    assert not list(candidates(every)), "nothing waits any more"


@given(plans.graphs(most=12, kinds=plans.MORE, straight=True))
@settings(max_examples=60)
def test_the_same_outputs_of_any_network(graph: Graph) -> None:
    for again in candidates(graph):
        check(graph, computed_again(graph, again))


def test_only_what_comes_from_something_much_smaller_is_computed_again() -> None:
    b = GraphBuilder()
    x = b.relu(b.input((1, 8, 8, 4)))
    scaled = b.apply("mul", (x, b.conv2d(b.mean(x, (1, 2), True), 4, (1, 1))), Mul())
    assert not list(candidates(b.graph(scaled)))
    (again,) = candidates(graph := network((32,)))
    assert graph.tensors[again.source].shape == (1, 12, 12, 4)
    assert graph.tensors[again.result].shape == (1, 12, 12, 32)


def test_what_waits_is_counted_with_what_stays_beside_it() -> None:
    graph = network((32, 16))
    assert set(waiting(graph)) == {12 * 12 * (32 + 4), 12 * 12 * (16 + 4)}
    for again in candidates(graph):
        graph = computed_again(graph, again)
    assert not list(waiting(graph))


def test_weights_are_in_flash_once() -> None:
    graph = network((32,))
    (again,) = candidates(graph)
    changed = computed_again(graph, again)
    assert cost.weights_bytes(changed, plans.HOST) == cost.weights_bytes(graph, plans.HOST)
    headers = [emit(g, plans.plan(g), plans.HOST, EmitOptions("m")).files["m_weights.h"] for g in (graph, changed)]
    tables = [header.count("static const") for header in headers]
    assert tables[0] == tables[1] > 0


def test_tensors_that_do_not_lead_to_each_other_are_refused() -> None:
    graph = network((32,))
    (again,) = candidates(graph)
    for wrong in (Again(again.result, again.source), Again(again.source, graph.outputs[0])):
        with pytest.raises(ValueError, match="cannot be computed again"):
            computed_again(graph, wrong)
