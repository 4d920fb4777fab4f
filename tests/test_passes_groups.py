"""Channels that do not need each other are computed in groups, and every value stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graph_builder import GraphBuilder
from support.plans import OTHER, SAME
from support.rewrites import kinds, values
from support.squeezed import REDUCTIONS, reduced

from edgekit_codegen import passes
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import linear
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D
from edgekit_codegen.passes.channel_groups import Groups, candidates, channel_groups, layers
from edgekit_codegen.reference import run


@st.composite
def wide(draw: st.DrawFn) -> tuple[Graph, Groups]:
    """A convolution and what follows from each of its channels alone, down to a single pixel."""
    b = GraphBuilder(draw(st.integers(0, 99)))
    x = b.input((1, draw(st.integers(1, 6)), draw(st.integers(2, 6)), draw(st.integers(1, 4))))
    channels = draw(st.integers(5, 40))
    first = x = b.conv2d(x, channels, draw(st.sampled_from([(1, 1), (3, 3)])), Conv2D(padding=SAME))
    for kind in draw(st.lists(st.sampled_from(["relu", "window", "pool", "quantize"]), max_size=3)):
        if kind == "relu":
            x = b.relu(x)
        elif kind == "window":
            x = b.depthwise(x, attrs=DepthwiseConv2D(padding=SAME))
        elif kind == "pool":
            x = b.pool("max", x, (2, 2), padding=SAME)
        else:
            x = b.quantize(x, OTHER)
    last = b.mean(x, (1, 2)) if draw(st.booleans()) else reduced(b, x, draw(st.sampled_from(REDUCTIONS)))
    dense = b.fully_connected(last, 3, channels) if len(b.shape(last)) == 2 else b.conv2d(last, 3, (1, 1))
    outputs = draw(st.sampled_from([(dense,), (dense, last)]))
    return b.graph(*outputs), Groups(first, last, draw(st.integers(1, 6)))


@given(wide())
@settings(max_examples=60)
def test_the_same_outputs_in_any_groups(drawn: tuple[Graph, Groups]) -> None:
    graph, groups = drawn
    changed = verify(channel_groups(graph, groups), "the test")
    inputs = values(graph, 1)
    for before, after in zip(run(graph, inputs), run(changed, inputs), strict=True):
        np.testing.assert_array_equal(before, after)
    assert passes.macs(changed) == passes.macs(graph)
    sizes = [changed.result(op).shape[-1] for op in layers(changed, groups) if op.kind == "conv2d"]
    assert sum(sizes) == graph.tensors[groups.first].shape[-1] and len(sizes) <= groups.count
    assert all(size % linear.TILE == 0 for size in sizes[:-1])


def network(channels: int, between: int = 0) -> tuple[GraphBuilder, TensorId]:
    """A wide convolution over a small image, and operators behind it."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 4, 4, 8)), channels, (1, 1))
    for _ in range(between):
        x = b.relu(x)
    return b, x


def test_groups_are_as_many_as_keep_sums_below_half_of_the_input() -> None:
    b, x = network(64)
    (found,) = candidates(b.graph(b.mean(x, (1, 2))))
    assert found.count == 4, "256 bytes of sums in quarters are half of an input of 128"
    b, x = network(16, between=1)
    assert not list(candidates(b.graph(b.mean(x, (1, 2))))), "64 bytes of sums are half of the input as they are"


def test_only_what_one_reader_takes_to_one_pixel_is_a_candidate() -> None:
    b, x = network(64)
    assert not list(candidates(b.graph(b.relu(x)))), "no pixel"
    b, x = network(64)
    assert not list(candidates(b.graph(b.add(b.relu(x), x)))), "two readers"
    b, x = network(64)
    assert not list(candidates(b.graph(b.mean(b.conv2d(x, 4, (1, 1)), (1, 2))))), "needs all channels"
    b, x = network(64)
    assert not list(candidates(b.graph(x, b.mean(x, (1, 2))))), "is an output itself"


def test_groups_follow_each_other() -> None:
    b, x = network(64)
    graph = b.graph(b.mean(x, (1, 2)))
    (found,) = candidates(graph)
    assert kinds(channel_groups(graph, found)) == ["conv2d", "mean"] * 4 + ["concatenation"]


def test_tensors_that_do_not_lead_to_each_other_are_refused() -> None:
    b, x = network(64)
    graph = b.graph(b.relu(b.mean(x, (1, 2))))
    (found,) = candidates(graph)
    for wrong in (Groups(found.last, found.first, 2), Groups(found.first, graph.outputs[0], 2)):
        with pytest.raises(ValueError, match="cannot be computed in groups"):
            channel_groups(graph, wrong)
