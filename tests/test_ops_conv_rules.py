"""What the records of convolutions, fully connected layers and additions say and refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgekit_codegen import reference
from edgekit_codegen.errors import IllegalGraph, UnsupportedModel
from edgekit_codegen.ir import Activation, Attrs, Box, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ops import TABLE, convolution
from edgekit_codegen.ops.attributes import Add, Conv2D, DepthwiseConv2D, FullyConnected, Padding, Relu, TransposeConv
from edgekit_codegen.ops.record import Overlap, Window, receives_row
from edgekit_codegen.passes.fuse_activation import fuse_activation

SAME_3X3 = Padding(1, 1, 1, 1)
GROUPED: dict[str, Any] = {"weights_shape": (6, 3, 3, 2), "bias_shape": (6,), "out_shape": (1, 8, 6, 6)}
ATTRS: dict[str, Attrs] = {
    "conv2d": Conv2D(padding=SAME_3X3, activation=Activation.RELU6),
    "depthwise_conv2d": DepthwiseConv2D((2, 2), padding=SAME_3X3, multiplier=2),
    "transpose_conv": TransposeConv((16, 11), (2, 2), (1, 0), Activation.RELU),
    "fully_connected": FullyConnected(),
    "add": Add(Activation.RELU),
}


def constant(ident: int, name: str, dtype: DType, shape: Shape, quant: Quant) -> Tensor:
    return Tensor(ident, name, shape, dtype, quant, np.zeros(shape, dtype.numpy))


def build(kind: str, **changes: Any) -> Graph:
    """A legal graph of one operator; changes replace fields: x_shape=..., weights_dtype=..., attrs=... ."""
    image: Shape = (1, 8, 6, 4)
    shapes: dict[str, tuple[Shape, Shape, Shape]] = {
        "conv2d": (image, (5, 3, 3, 4), (1, 8, 6, 5)),
        "depthwise_conv2d": (image, (1, 3, 3, 8), (1, 4, 3, 8)),
        "transpose_conv": (image, (5, 3, 3, 4), (1, 16, 11, 5)),
        "fully_connected": ((1, 12), (5, 12), (1, 5)),
        "add": (image, image, image),
    }
    x, second, out = shapes[kind]
    quant = Quant((0.5,), (-3,))
    fields: dict[str, dict[str, Any]] = {
        "x": {"shape": x, "dtype": DType.INT8, "quant": quant},
        "weights": {"shape": second, "dtype": DType.INT8, "quant": Quant((0.25,), (0,))},
        "bias": {"shape": out[-1:], "dtype": DType.INT32, "quant": Quant((0.125,), (0,))},
        "out": {"shape": out, "dtype": DType.INT8, "quant": quant},
    }
    attrs = changes.pop("attrs", ATTRS[kind])
    for key, value in changes.items():
        name, field = key.split("_", 1)
        fields[name][field] = value
    if kind == "add":
        del fields["bias"]
    tensors = {i: Tensor(i, name, **f) for i, (name, f) in enumerate(fields.items())}
    for i, tensor in tensors.items():
        if tensor.name in ("weights", "bias") and kind != "add":
            tensors[i] = replace(tensor, data=np.ones(tensor.shape, tensor.dtype.numpy))
    *inputs, output = tensors
    return Graph(
        "g", tensors, (Op(kind, tuple(inputs), (output,), attrs, (7,)),), (0, 1) if kind == "add" else (0,), (output,)
    )


def check(graph: Graph) -> None:
    TABLE[graph.ops[0].kind].check(graph, graph.ops[0])


@pytest.mark.parametrize("kind", ATTRS)
def test_the_base_graphs_are_legal(kind: str) -> None:
    graph = build(kind)
    check(graph)
    assert TABLE[kind].infer(graph, graph.ops[0]) == (graph.tensors[graph.outputs[0]].shape,)


@pytest.mark.parametrize(
    ("kind", "changes", "tells"),
    [
        ("conv2d", {"x_dtype": DType.INT16}, ["'x' int16[1, 8, 6, 4]", "int8"]),
        ("conv2d", {"x_dtype": DType.FLOAT32, "x_quant": None}, ["'x' float32", "quantize"]),
        ("conv2d", {"out_dtype": DType.INT16}, ["'out' int16"]),
        ("conv2d", {"x_quant": None}, ["no scale"]),
        ("conv2d", {"x_quant": Quant((0.5,) * 4, (0,) * 4, 3)}, ["4 scales", "per tensor"]),
        ("conv2d", {"weights_dtype": DType.INT16}, ["weights", "int16[5, 3, 3, 4]"]),
        ("conv2d", {"weights_quant": Quant((0.5,), (3,))}, ["zero point 3", "symmetrically"]),
        ("conv2d", {"weights_quant": Quant((0.5,) * 4, (0,) * 4, 3)}, ["dimension 3", "dimension 0"]),
        ("conv2d", {"bias_dtype": DType.INT64}, ["bias", "int64"]),
        ("conv2d", {"x_quant": Quant((2.0**40,), (0,))}, ["factor"]),
        ("depthwise_conv2d", {"weights_quant": Quant((0.5,) * 3, (0,) * 3, 1)}, ["dimension 1", "dimension 3"]),
        ("depthwise_conv2d", {"x_dtype": DType.INT16}, ["int16"]),
        ("transpose_conv", {"weights_quant": Quant((0.5,), (3,))}, ["zero point 3"]),
        ("fully_connected", {"weights_quant": Quant((0.5,) * 5, (1,) * 5)}, ["zero point 1", "symmetrically"]),
        ("fully_connected", {"x_dtype": DType.FLOAT32, "x_quant": None}, ["float32[1, 12]"]),
        ("fully_connected", {"x_shape": (3, 2, 4), "out_shape": (2, 5)}, ["reshape", "[batch, 12]"]),
        ("add", {"out_quant": Quant((2.0**-24,), (0,))}, ["scale"]),
        ("add", {"x_dtype": DType.INT16}, ["int16"]),
    ],
)
def test_refuses_what_it_cannot_compute(kind: str, changes: dict[str, Any], tells: list[str]) -> None:
    """The message names operator and tensor, the hint says what to do."""
    with pytest.raises(UnsupportedModel) as error:
        check(build(kind, **changes))
    text = f"{error.value.message} {error.value.hint}"
    assert f"{kind} (operator 7)" in text
    assert error.value.hint
    assert all(part in text for part in tells), text


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("conv2d", {"x_shape": (8, 6, 4)}),
        ("conv2d", {"bias_shape": (4,)}),
        ("conv2d", {"weights_shape": (5, 3, 3, 3)}),
        ("conv2d", {"weights_shape": (5, 3, 3, 2)}),  # 5 outputs cannot be split into 2 groups
        ("conv2d", {"weights_shape": (5, 3, 3, 5)}),
        ("conv2d", {"weights_shape": (5, 36)}),
        ("conv2d", {"x_quant": Quant((0.5,), (128,))}),
        ("conv2d", {"attrs": Conv2D(stride=(0, 1))}),
        ("conv2d", {"attrs": Conv2D(padding=Padding(top=-1))}),
        ("depthwise_conv2d", {"weights_shape": (1, 3, 3, 6)}),
        ("depthwise_conv2d", {"weights_shape": (2, 3, 3, 8)}),
        ("transpose_conv", {"weights_shape": (5, 3, 3, 2)}),
        ("transpose_conv", {"attrs": TransposeConv((0, 4))}),
        ("transpose_conv", {"attrs": TransposeConv((16, 11), crop=(-1, 0))}),
        ("fully_connected", {"x_shape": (1, 13)}),
        ("fully_connected", {"x_shape": (1, 4, 3), "attrs": FullyConnected(keep_dims=True)}),
        ("fully_connected", {"bias_shape": (2,)}),
        ("fully_connected", {"x_shape": (), "attrs": FullyConnected(keep_dims=True)}),
        ("fully_connected", {"weights_shape": (5, 1, 12)}),
    ],
)
def test_refuses_what_is_broken(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(IllegalGraph, match=f"{kind}.*operator 7"):
        check(build(kind, **changes))


@pytest.mark.parametrize("kind", ["conv2d", "depthwise_conv2d", "transpose_conv", "fully_connected"])
@pytest.mark.parametrize("position", [1, 2])
def test_weights_and_bias_must_be_constant(kind: str, position: int) -> None:
    graph = build(kind)
    tensors = {**graph.tensors, position: replace(graph.tensors[position], data=None)}
    with pytest.raises(UnsupportedModel, match="not constant"):
        check(replace(graph, tensors=tensors))


def test_a_window_larger_than_the_padded_image_is_illegal() -> None:
    graph = build("conv2d", x_shape=(1, 2, 6, 4), attrs=Conv2D())
    with pytest.raises(IllegalGraph, match="3x3 does not fit the padded image 2x6"):
        TABLE["conv2d"].infer(graph, graph.ops[0])


@pytest.mark.parametrize(
    ("kind", "changes", "macs"),
    [
        ("conv2d", {}, 8 * 6 * 5 * 9 * 4),
        ("conv2d", GROUPED, 8 * 6 * 6 * 9 * 2),
        ("depthwise_conv2d", {}, 4 * 3 * 8 * 9),
        ("transpose_conv", {}, 8 * 6 * 4 * 9 * 5),
        ("fully_connected", {}, 60),
        ("add", {}, 0),
    ],
)
def test_macs_count_every_tap(kind: str, changes: dict[str, Any], macs: int) -> None:
    graph = build(kind, **changes)
    assert TABLE[kind].macs(graph, graph.ops[0]) == macs


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    [
        ("conv2d", {}, "3x3 relu6"),
        ("conv2d", {"attrs": Conv2D((2, 1), (1, 2))}, "3x3/2x1 d1x2"),
        ("conv2d", GROUPED, "3x3 in 2 groups relu6"),
        ("depthwise_conv2d", {}, "3x3/2 x2"),
        ("transpose_conv", {}, "3x3/2 relu"),
        ("fully_connected", {}, "12 to 5"),
        ("add", {}, "relu"),
    ],
)
def test_describes_itself(kind: str, changes: dict[str, Any], text: str) -> None:
    graph = build(kind, **changes)
    assert TABLE[kind].describe(graph, graph.ops[0]) == text


def test_boxes_are_unclipped() -> None:
    """The first output row of a padded window begins above the image."""
    graph = build("depthwise_conv2d")
    boxes = TABLE["depthwise_conv2d"].input_boxes(graph, graph.ops[0], Box(0, 1, 1, 3, 3, 7))
    assert boxes == (Box(-1, 2, 1, 6, 1, 4),)


def test_a_group_reads_its_own_channels() -> None:
    graph = build("conv2d", **GROUPED)
    check(graph)
    boxes = [TABLE["conv2d"].input_boxes(graph, graph.ops[0], Box(0, 1, 0, 1, *c))[0] for c in ((0, 3), (2, 4), (3, 6))]
    assert [(box.c0, box.c1) for box in boxes] == [(0, 2), (0, 4), (2, 4)]


def test_a_transposed_window_advances_by_fractions_of_a_row() -> None:
    """Row y under three taps, two apart and one cut off: the rows up to (y + 1) / 2, two of them."""
    graph = build("transpose_conv")
    record, op = TABLE["transpose_conv"], graph.ops[0]
    access = record.access(graph, op)
    assert isinstance(access, Window) and receives_row(access)
    assert [list(access.rows(y)) for y in (0, 1, 2, 15)] == [[-1, 0], [0, 1], [0, 1], [7, 8]]
    assert record.input_boxes(graph, op, Box(1, 3, 0, 4, 0, 5)) == (Box(0, 2, -1, 2, 0, 4),)


def test_a_relu_behind_a_transposed_convolution_is_fused() -> None:
    graph = build("transpose_conv", attrs=TransposeConv((16, 11), (2, 2), (1, 0)))
    clamped = replace(graph.tensors[3], id=4, name="clamped")
    relu = Op("relu", (3,), (4,), Relu(Activation.RELU6), (8,))
    both = replace(graph, tensors={**graph.tensors, 4: clamped}, ops=(*graph.ops, relu), outputs=(4,))
    fused = fuse_activation(both).graph
    assert [op.attrs for op in fused.ops] == [TransposeConv((16, 11), (2, 2), (1, 0), Activation.RELU6)]
    x = np.random.default_rng(2).integers(-128, 128, (1, 8, 6, 4)).astype(np.int8)
    np.testing.assert_array_equal(reference.run(fused, (x,))[0], reference.run(both, (x,))[0])


def test_only_additions_run_in_place() -> None:
    assert [kind for kind in ATTRS if TABLE[kind].overlap is Overlap.IN_PLACE] == ["add"]


def test_padding_keeps_the_zero_point_out_of_the_bias() -> None:
    """With padding the kernel subtracts the zero point; without, the bias holds it and the kernel has nothing to do."""
    kernel = TABLE["conv2d"].kernel
    assert kernel is not None
    padded, plain = build("conv2d"), build("conv2d", attrs=Conv2D(), out_shape=(1, 6, 4, 5))
    biases = []
    for graph, in_zero in ((padded, -3), (plain, 0)):
        assert kernel.params(graph, graph.ops[0])["in_zero"] == in_zero
        biases.append(convolution.requant(graph, graph.ops[0]).bias.tolist())
    assert biases == [[1] * 5, [1 + 3 * 36] * 5]
