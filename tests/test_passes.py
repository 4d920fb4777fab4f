"""Passes rewrite only what is exact: the reference gives the same bytes before and after."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graph_builder import STEP, GraphBuilder
from support.models import NAMES, model_path
from support.rewrites import changes, kinds, optimized

from edgekit.frontend import load
from edgekit_codegen.errors import IllegalGraph
from edgekit_codegen.ir import Activation, DType, Graph, Quant
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, FullyConnected, Padding
from edgekit_codegen.passes import optimize

NEARLY = Quant((float(np.float32(0.0625) + np.float32(2e-7)),), (-5,))  # within what a reshape tolerates
OTHER = Quant((0.125,), (3,))
LOWEST = Quant((0.0625,), (-128,))


@pytest.mark.parametrize("kind", ["conv2d", "depthwise"])
def test_a_pad_becomes_the_padding_of_the_layer_behind_it(kind: str) -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2)), top=1, bottom=2, left=0, right=1)
    result = optimized(b.graph(b.conv2d(padded) if kind == "conv2d" else b.depthwise(padded)))
    (op,) = result.graph.ops
    assert isinstance(op.attrs, Conv2D | DepthwiseConv2D)
    assert op.attrs.padding == Padding(1, 2, 0, 1)
    assert op.origin == (0, 1)
    assert changes(result) == [f"pad 0 folded into {op.kind} 1"]


def test_a_pad_adds_to_the_padding_that_is_there() -> None:
    b = GraphBuilder()
    twice = b.pad(b.pad(b.input((1, 5, 6, 2)), top=1), left=2)
    result = optimized(b.graph(b.conv2d(twice, attrs=Conv2D(padding=Padding(1, 1, 1, 1)))))
    assert [op.attrs for op in result.graph.ops] == [Conv2D(padding=Padding(2, 1, 3, 1))]


def test_a_pad_that_two_layers_read_is_folded_into_both() -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2)), top=1, bottom=1)
    result = optimized(b.graph(b.conv2d(padded), b.depthwise(padded)))
    assert kinds(result.graph) == ["conv2d", "depthwise_conv2d"]


def test_a_pad_stays_when_one_reader_needs_the_padded_tensor() -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2)), top=1, bottom=1)
    assert "pad" in kinds(optimized(b.graph(b.conv2d(padded), b.mean(padded, (1, 2)))).graph)


def test_a_pad_that_is_an_output_stays() -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2)), top=1)
    assert "pad" in kinds(optimized(b.graph(b.conv2d(padded), padded)).graph)


def test_a_pad_of_channels_stays() -> None:
    b = GraphBuilder()
    assert "pad" in kinds(optimized(b.graph(b.conv2d(b.pad(b.input((1, 5, 6, 2)), top=1, after=2)))).graph)


def test_a_pad_between_slightly_different_scales_stays() -> None:
    b = GraphBuilder()
    x = b.input((1, 5, 6, 2), NEARLY)
    padded = b.pad(x, top=1)
    graph = b.graph(b.conv2d(padded))
    retyped = dict(graph.tensors)
    retyped[padded] = b.tensors[padded].__class__(padded, "padded", b.shape(padded), DType.INT8, STEP)
    assert "pad" in kinds(optimized(graph.with_ops(graph.ops, retyped)).graph)


@pytest.mark.parametrize(("quant", "folded"), [(LOWEST, True), (STEP, False)])
def test_a_pad_is_folded_into_a_max_pool_only_where_it_can_never_be_the_maximum(quant: Quant, folded: bool) -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2), quant), top=1, left=1)
    result = optimized(b.graph(b.pool("max", padded, (2, 2))))
    assert (kinds(result.graph) == ["max_pool2d"]) is folded


def test_a_pad_is_never_folded_into_an_average_pool() -> None:
    b = GraphBuilder()
    padded = b.pad(b.input((1, 5, 6, 2), LOWEST), top=1, left=1)
    assert kinds(optimized(b.graph(b.pool("average", padded, (2, 2)))).graph) == ["pad", "average_pool2d"]


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1])
@pytest.mark.parametrize("producer", ["conv2d", "depthwise_conv2d", "fully_connected", "add", "average_pool2d"])
def test_an_activation_is_fused_into_its_producer(producer: str, activation: Activation) -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 3))
    made = {
        "conv2d": lambda: b.conv2d(x),
        "depthwise_conv2d": lambda: b.depthwise(x),
        "fully_connected": lambda: b.fully_connected(x, 4, 48),
        "add": lambda: b.add(x, b.input((1, 4, 4, 3))),
        "average_pool2d": lambda: b.pool("average", x, (2, 2)),
    }[producer]()
    result = optimized(b.graph(b.relu(made, activation)))
    assert kinds(result.graph) == [producer]
    assert result.graph.ops[0].attrs.activation is activation  # type: ignore[attr-defined]


def test_two_clamps_become_the_narrower_one() -> None:
    b = GraphBuilder()
    conv = b.conv2d(b.input((1, 4, 4, 3)), attrs=Conv2D(activation=Activation.RELU))
    (op,) = optimized(b.graph(b.relu(conv, Activation.RELU6))).graph.ops
    assert op.attrs == Conv2D(activation=Activation.RELU6)


def test_clamps_that_no_single_activation_expresses_stay_two() -> None:
    b = GraphBuilder()
    conv = b.conv2d(b.input((1, 4, 4, 3)), attrs=Conv2D(activation=Activation.RELU_N1_TO_1))
    assert kinds(optimized(b.graph(b.relu(conv, Activation.RELU))).graph) == ["conv2d", "relu"]


def test_an_activation_that_requantizes_stays() -> None:
    b = GraphBuilder()
    assert "relu" in kinds(optimized(b.graph(b.relu(b.conv2d(b.input((1, 4, 4, 3))), quant=OTHER))).graph)


def test_an_activation_stays_when_the_unclamped_tensor_is_read_elsewhere() -> None:
    b = GraphBuilder()
    conv = b.conv2d(b.input((1, 4, 4, 3)))
    assert "relu" in kinds(optimized(b.graph(b.relu(conv), b.mean(conv, (1, 2)))).graph)
    assert "relu" in kinds(optimized(b.graph(b.relu(conv), conv)).graph)


def test_an_activation_that_clamps_nothing_disappears() -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 3), LOWEST)
    assert kinds(optimized(b.graph(b.conv2d(b.relu(x)))).graph) == ["conv2d"]


def test_operators_that_change_nothing_disappear() -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 3))
    x = b.reshape(x, (1, 4, 4, 3))
    x = b.transpose(x, (0, 1, 2, 3))
    x = b.pad(x)
    x = b.quantize(x, STEP)
    x = b.pool("max", x, (1, 1))
    x = b.pool("average", x, (1, 1))
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["conv2d"]


def test_a_no_op_in_front_of_an_output_hands_the_output_to_its_producer() -> None:
    b = GraphBuilder()
    conv = b.conv2d(b.input((1, 4, 4, 3)))
    out, mean = b.reshape(conv, b.shape(conv)), b.mean(conv, (1, 2))
    result = optimized(b.graph(out, mean))
    assert [(op.kind, op.inputs[0], op.outputs[0]) for op in result.graph.ops] == [
        ("conv2d", 0, out),
        ("mean", out, mean),
    ]


def test_a_no_op_from_input_to_output_stays() -> None:
    b = GraphBuilder()
    x = b.input((1, 4))
    assert kinds(optimized(b.graph(b.reshape(x, (1, 4)))).graph) == ["reshape"]


def test_a_no_op_between_two_outputs_stays() -> None:
    b = GraphBuilder()
    conv = b.conv2d(b.input((1, 4, 4, 3)))
    assert kinds(optimized(b.graph(conv, b.reshape(conv, b.shape(conv)))).graph) == ["conv2d", "reshape"]


def test_a_reshape_between_slightly_different_scales_stays() -> None:
    b = GraphBuilder()
    x = b.reshape(b.input((1, 4, 4, 3)), (1, 4, 4, 3), NEARLY)
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["reshape", "conv2d"]


def test_a_row_of_reshapes_is_one() -> None:
    b = GraphBuilder()
    x = b.reshape(b.reshape(b.reshape(b.input((1, 4, 4, 3)), (1, 48)), (2, 24)), (6, 8))
    assert kinds(optimized(b.graph(x)).graph) == ["reshape"]


def test_a_reshape_there_and_back_disappears() -> None:
    b = GraphBuilder()
    x = b.reshape(b.reshape(b.input((1, 4, 4, 3)), (1, 48)), (1, 4, 4, 3))
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["conv2d"]


def test_a_reshape_in_front_of_a_fully_connected_layer_disappears() -> None:
    b = GraphBuilder()
    x = b.reshape(b.input((1, 4, 4, 3)), (1, 48))
    assert kinds(optimized(b.graph(b.fully_connected(x, 5, 48))).graph) == ["fully_connected"]


def test_a_reshape_that_decides_the_output_of_a_fully_connected_layer_stays() -> None:
    b = GraphBuilder()
    x = b.reshape(b.input((1, 48)), (2, 2, 12))
    layer = b.fully_connected(x, 5, 12, FullyConnected(keep_dims=True))
    assert kinds(optimized(b.graph(layer)).graph) == ["reshape", "fully_connected"]


def test_transposes_that_undo_each_other_disappear() -> None:
    b = GraphBuilder()
    x = b.transpose(b.transpose(b.input((1, 4, 5, 3)), (0, 3, 1, 2)), (0, 2, 3, 1))
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["conv2d"]


def test_transposes_that_do_not_undo_each_other_are_composed() -> None:
    b = GraphBuilder()
    x = b.transpose(b.transpose(b.input((1, 4, 5, 3)), (0, 3, 1, 2)), (0, 3, 1, 2))
    assert kinds(optimized(b.graph(x)).graph) == ["transpose"]


def test_a_transpose_of_single_dimensions_is_a_reshape() -> None:
    b = GraphBuilder()
    x = b.transpose(b.input((1, 1, 4, 3)), (0, 2, 1, 3))
    assert kinds(optimized(b.graph(x)).graph) == ["reshape"]


def test_dequantize_and_quantize_with_the_same_scale_cancel() -> None:
    b = GraphBuilder()
    x = b.quantize(b.dequantize(b.input((1, 4, 4, 3))), STEP)
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["conv2d"]


def test_a_detour_through_another_scale_that_loses_bits_becomes_a_table() -> None:
    b = GraphBuilder()
    x = b.quantize(b.quantize(b.input((1, 4, 4, 3)), OTHER), STEP)
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["lookup", "conv2d"]


def test_an_operator_that_nothing_reads_disappears_with_what_it_alone_reads() -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 3))
    b.mean(b.conv2d(x), (1, 2))
    result = optimized(b.graph(b.depthwise(x)))
    assert kinds(result.graph) == ["depthwise_conv2d"]
    assert result.steps[0].macs_after < result.steps[0].macs_before


def test_a_graph_without_anything_to_do_comes_back_as_it_was() -> None:
    b = GraphBuilder()
    graph = b.graph(b.conv2d(b.input((1, 4, 4, 3))))
    result = optimize(graph)
    assert result.graph is graph
    assert [(step.name, step.changed) for step in result.steps] == [
        ("cancel_noops", ()),
        ("fold_pad", ()),
        ("fuse_activation", ()),
        ("fuse_lookups", ()),
        ("fold_constant_channels", ()),
        ("drop_dead_channels", ()),
        ("pointwise_as_fully_connected", ()),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_real_models_give_the_same_bytes(name: str) -> None:
    result = optimized(load(model_path(name)))
    assert "pad" not in kinds(result.graph)
    assert "relu" not in kinds(result.graph)


class Drawer:
    """Draws operators onto a graph, most of them candidates for a rewrite."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.b = GraphBuilder(draw(st.integers(0, 2**16)))
        self.made = [self.b.input(draw(st.sampled_from([(1, 4, 5, 2), (1, 1, 6, 3), (1, 3, 3, 1)])), self.quant())]

    def quant(self) -> Quant:
        return self.draw(st.sampled_from([STEP, STEP, LOWEST, OTHER]))

    def step(self) -> None:
        x = self.draw(st.sampled_from(self.made[-2:]))
        choices = ["relu", "reshape", "requantize", "detour", "flatten"]
        if len(self.b.shape(x)) == 4:
            choices += ["pad", "pad", "conv2d", "depthwise", "max", "average", "transpose"]
        choices += ["add"] if [i for i in self.made if self.b.shape(i) == self.b.shape(x)] else []
        self.made.append(getattr(self, f"_{self.draw(st.sampled_from(choices))}")(x))

    def _relu(self, x: int) -> int:
        activation = self.draw(st.sampled_from([Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1]))
        return self.b.relu(x, activation, self.draw(st.sampled_from([None, None, STEP])))

    def _reshape(self, x: int) -> int:
        shape = self.b.shape(x)
        options = [
            shape,
            (1, *shape) if len(shape) < 4 else shape,
            (int(np.prod(shape)),),
            (1, 1, 1, int(np.prod(shape))),
        ]
        return self.b.reshape(x, self.draw(st.sampled_from(options)))

    def _flatten(self, x: int) -> int:
        size = int(np.prod(self.b.shape(x)))
        flat = self.b.reshape(x, (1, size))
        return self.b.fully_connected(flat, 4, size, quant=self.quant())

    def _requantize(self, x: int) -> int:
        return self.b.quantize(x, self.quant())

    def _detour(self, x: int) -> int:
        return self.b.quantize(self.b.dequantize(x), self.quant())

    def _add(self, x: int) -> int:
        other = self.draw(st.sampled_from([i for i in self.made if self.b.shape(i) == self.b.shape(x)]))
        return self.b.add(x, other, quant=self.quant())

    def _pad(self, x: int) -> int:
        return self.b.pad(
            x, *(self.draw(st.integers(0, 2)) for _ in range(4)), after=self.draw(st.sampled_from([0, 0, 1]))
        )

    def _conv2d(self, x: int) -> int:
        activation = self.draw(st.sampled_from(list(Activation)))
        return self.b.conv2d(x, 2, self._window(x), Conv2D(activation=activation), self.quant())

    def _depthwise(self, x: int) -> int:
        return self.b.depthwise(x, self._window(x), DepthwiseConv2D(stride=(1, 1)), self.quant())

    def _max(self, x: int) -> int:
        return self.b.pool("max", x, self._window(x))

    def _average(self, x: int) -> int:
        return self.b.pool("average", x, self._window(x))

    def _transpose(self, x: int) -> int:
        return self.b.transpose(x, (0, *self.draw(st.permutations([1, 2, 3]))))

    def _window(self, x: int) -> tuple[int, int]:
        _, rows, pixels, _ = self.b.shape(x)
        return self.draw(st.integers(1, min(rows, 3))), self.draw(st.integers(1, min(pixels, 3)))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    drawer = Drawer(draw)
    for _ in range(draw(st.integers(1, 8))):
        drawer.step()
    made = drawer.made[1:]
    outputs = {made[-1], *draw(st.lists(st.sampled_from(made), max_size=2))}
    return drawer.b.graph(*sorted(outputs))


@given(graphs())
def test_any_graph_gives_the_same_bytes_and_nothing_is_left_to_do(graph: Graph) -> None:
    result = optimized(graph)
    assert not changes(optimize(result.graph))


def test_verify_refuses_a_constant_where_an_activation_belongs() -> None:
    b = GraphBuilder()
    graph = b.graph(b.conv2d(b.input((1, 4, 4, 3))))
    (op,) = graph.ops
    weights = op.inputs[1]
    swapped = op.__class__(op.kind, (weights, weights, op.inputs[2]), op.outputs, op.attrs, op.origin)
    with pytest.raises(IllegalGraph, match=r"operator 0 \(conv2d.*only depends on constants"):
        verify(graph.with_ops((swapped,)), "the test")
