"""Channels that nothing needs, and channels that never change, are not computed; the bytes stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graph_builder import STEP, GraphBuilder
from support.models import model_path
from support.rewrites import changes, kinds, optimized

from edgekit.frontend import load
from edgekit_codegen.ir import Graph, Quant, TensorId
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.passes import macs, optimize

SAME = Padding(1, 1, 1, 1)


def zero(b: GraphBuilder, op: int, out: Sequence[int] = (), read: Sequence[int] = ()) -> None:
    """Zero weights of an operator for output channels, and for input channels."""
    ident = b.ops[op].inputs[1]
    assert ident is not None
    weights = b.tensors[ident]
    assert weights.data is not None
    data = weights.data.copy()
    if b.ops[op].kind == "depthwise_conv2d":
        data[..., list(out)] = 0
    else:
        data[list(out)] = 0
        depth = b.tensors[b.ops[op].inputs[0] or 0].shape[-1]
        data.reshape(len(data), -1, depth)[..., list(read)] = 0
    b.tensors[ident] = replace(weights, data=data)


def shapes(graph: Graph) -> list[int]:
    """Channels of every operator's output."""
    return [graph.result(op).shape[-1] for op in graph.ops]


def test_what_only_meets_zero_weights_goes_backwards_through_the_network() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 8, attrs=Conv2D(padding=SAME))
    x = b.depthwise(x, attrs=DepthwiseConv2D(padding=SAME))
    x = b.pool("max", x, (2, 2), (2, 2))
    x = b.conv2d(x, 5, (1, 1))
    graph = b.graph(x)
    zero(b, 3, read=(1, 2, 7))
    result = optimized(b.graph(x))
    assert shapes(result.graph) == [5, 5, 5, 5]
    assert macs(result.graph) == 36 * 5 * (2 * 9 + 9) + 9 * 5 * 5 < macs(graph)
    assert changes(result) == [
        "conv2d 0: 3 of 8 channels are never used",
        "depthwise_conv2d 1: 3 of 8 channels are never used",
        "max_pool2d 2: 3 of 8 channels are never used",
    ]


def test_a_channel_that_one_of_two_readers_needs_stays() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    left, right = b.conv2d(x, 3, (1, 1)), b.conv2d(x, 3, (1, 1))
    zero(b, 1, read=(0, 1, 2))
    zero(b, 2, read=(2, 3))
    assert shapes(optimized(b.graph(left, right)).graph) == [3, 3, 3]


def test_both_sides_of_an_addition_lose_the_channels_that_nobody_reads_of_the_sum() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    total = b.add(x, b.conv2d(x, 4, (1, 1)))
    y = b.conv2d(total, 3, (1, 1))
    zero(b, 3, read=(0, 3))
    zero(b, 1, read=(0, 3))
    assert shapes(optimized(b.graph(y)).graph) == [2, 2, 2, 3]


def test_a_side_of_an_addition_that_is_read_elsewhere_keeps_the_other_side_as_wide() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    y = b.conv2d(b.add(x, b.conv2d(x, 4, (1, 1))), 3, (1, 1))
    zero(b, 3, read=(0, 3))
    assert shapes(optimized(b.graph(y)).graph)[:3] == [4, 4, 4]


@pytest.mark.parametrize("through", ["output", "softmax", "transpose"])
def test_channels_stay_where_something_sees_them_all(through: str) -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    y = b.conv2d(x, 3, (1, 1))
    zero(b, 1, read=(0, 1))
    seen = {"output": x, "softmax": b.softmax(x), "transpose": b.transpose(x, (0, 3, 1, 2))}[through]
    assert shapes(optimized(b.graph(y, seen)).graph)[0] == 4


def test_channels_go_through_a_flattening_reshape_into_a_fully_connected_layer() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 4, 5, 2)), 3)
    y = b.fully_connected(b.reshape(x, (1, 2 * 3 * 3)), 4, 18)
    weights = b.tensors[b.ops[2].inputs[1] or 0]
    assert weights.data is not None
    data = weights.data.copy()
    data[:, 1::3] = 0
    b.tensors[weights.id] = replace(weights, data=data)
    result = optimized(b.graph(y))
    assert shapes(result.graph) == [2, 4]


def test_a_feature_that_is_used_at_one_position_keeps_its_channel() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 4, 5, 2)), 3)
    y = b.fully_connected(b.reshape(x, (1, 18)), 4, 18)
    weights = b.tensors[b.ops[2].inputs[1] or 0]
    assert weights.data is not None
    data = weights.data.copy()
    data[:, 1::3] = 0
    data[2, 4] = 1
    b.tensors[weights.id] = replace(weights, data=data)
    assert shapes(optimized(b.graph(y)).graph) == [3, 4]


def test_one_channel_is_left_where_none_is_needed() -> None:
    b = GraphBuilder()
    y = b.conv2d(b.conv2d(b.input((1, 6, 6, 2)), 4), 3, (1, 1), attrs=Conv2D(padding=SAME))
    zero(b, 1, read=(0, 1, 2, 3))
    assert shapes(optimized(b.graph(y)).graph) == [1, 3]


def test_a_depthwise_multiplier_keeps_the_outputs_of_a_channel_together() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 3)
    x = b.depthwise(x, attrs=DepthwiseConv2D(multiplier=2))
    y = b.conv2d(x, 3, (1, 1))
    zero(b, 2, read=(0, 1, 2))  # both outputs of channel 0, one of channel 1
    assert shapes(optimized(b.graph(y)).graph) == [2, 4, 3]


def test_a_fully_connected_layer_keeps_two_outputs_where_each_has_a_scale() -> None:
    """One scale for all outputs is multiplied in single precision, which may round otherwise."""
    b = GraphBuilder()
    x = b.fully_connected(b.input((1, 7)), 3, 7)
    y = b.fully_connected(x, 2, 3)
    zero(b, 1, read=(0, 2))
    assert shapes(optimized(b.graph(y)).graph)[0] != 1


def test_a_constant_channel_becomes_bias() -> None:
    """Its producer's weights are zero: without padding the next layer need not read it."""
    b = GraphBuilder()
    x = b.depthwise(b.conv2d(b.input((1, 6, 6, 2)), 4))
    y = b.conv2d(b.relu(x), 3, (1, 1))
    zero(b, 1, out=(0, 2))
    result = optimized(b.graph(y))
    assert shapes(result.graph)[:2] == [2, 2]
    assert "conv2d 3: 2 constant input channels are part of its bias" in changes(result)


def test_a_constant_channel_stays_where_padding_makes_its_share_differ() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    y = b.conv2d(x, 3, attrs=Conv2D(padding=SAME))
    zero(b, 0, out=(0,))
    assert shapes(optimized(b.graph(y)).graph) == [4, 3]


def test_a_constant_channel_at_the_zero_point_goes_even_where_there_is_padding() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), 4)
    y = b.conv2d(x, 3, attrs=Conv2D(padding=SAME))
    zero(b, 0, out=(0,))
    bias = b.tensors[b.ops[0].inputs[2] or 0]
    assert bias.data is not None
    data = bias.data.copy()
    data[0] = 0
    b.tensors[bias.id] = replace(bias, data=data)
    assert shapes(optimized(b.graph(y)).graph) == [3, 3]


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """Small networks with many zero weights, branches among them."""
    b = GraphBuilder(draw(st.integers(0, 1 << 20)))
    x = b.input((1, 5, 5, draw(st.integers(1, 3))))
    made: list[TensorId] = []
    for _ in range(draw(st.integers(2, 6))):
        x = _layer(draw, b, x, made)
        made.append(x)
    if draw(st.booleans()):
        _, h, w, c = b.shape(x)
        x = b.fully_connected(b.reshape(x, (1, h * w * c)), draw(st.integers(1, 3)), h * w * c)
    for index, op in enumerate(b.ops):
        if op.kind in ("conv2d", "depthwise_conv2d", "fully_connected"):
            outs, ins = (b.tensors[i or 0].shape[-1] for i in (op.outputs[0], op.inputs[0]))
            zero(b, index, _some(draw, outs), _some(draw, ins))
    extra = [t for t in made if t != x and draw(st.integers(0, 4)) == 0]
    return b.graph(*dict.fromkeys((x, *extra)))


def _some(draw: st.DrawFn, n: int) -> list[int]:
    return sorted(draw(st.sets(st.integers(0, n - 1))))


def _layer(draw: st.DrawFn, b: GraphBuilder, x: TensorId, made: list[TensorId]) -> TensorId:
    pad = draw(st.sampled_from([SAME, Padding()])) if min(b.shape(x)[1:3]) >= 3 else SAME
    quant = draw(st.sampled_from([STEP, Quant((0.25,), (20,))]))
    kind = draw(st.sampled_from(["conv2d", "pointwise", "depthwise", "add", "relu", "pool", "pad"]))
    twins = [t for t in made if b.shape(t) == b.shape(x)]
    if kind == "add" and twins:
        return b.add(x, draw(st.sampled_from(twins)), quant=quant)
    if kind == "relu":
        return b.relu(x)
    if kind == "pool":
        return b.pool("average", x, (2, 2), padding=Padding(1, 0, 1, 0))
    if kind == "pad":
        return b.pad(x, top=1)
    if kind == "depthwise":
        multiplier = draw(st.integers(1, 2))
        return b.depthwise(x, attrs=DepthwiseConv2D(padding=pad, multiplier=multiplier), quant=quant)
    channels = draw(st.integers(1, 5))
    if kind == "conv2d":
        return b.conv2d(x, channels, attrs=Conv2D(padding=pad), quant=quant)
    return b.conv2d(x, channels, (1, 1), quant=quant)


@given(networks())
def test_any_network_gives_the_same_bytes(graph: Graph) -> None:
    result = optimized(graph)
    assert macs(result.graph) <= macs(graph)


def test_half_of_the_visual_wake_words_model_feeds_channels_that_nothing_reads() -> None:
    """The share of convolutions that is left is what the zero weights of its file say: 3,796,920 of 7,489,152
    multiply-accumulates, less where channels are constant."""
    graph = load(model_path("mlperf_tiny_vww"))
    convolutions = [op for op in graph.ops if op.kind != "fully_connected"]
    assert macs(graph.with_ops(tuple(convolutions))) == 7_489_152
    assert macs(optimize(graph).graph) <= 3_796_920 + 512
    assert "fully_connected" in kinds(graph)
