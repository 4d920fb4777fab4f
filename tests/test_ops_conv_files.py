"""Convolutions, pools, resizes and products in files: read back as written, and computed as the oracle does."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.cases import CASES
from conformance.cases.drawing import quant
from conformance.oracle import run_file
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conv_graphs import Case

from edgekit.errors import Exit, ModelError
from edgekit.export.tflite import dump
from edgekit.frontend.tflite import parse
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Shape, Tensor
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import FullyConnected, Resize, TransposeConv

KINDS = (
    "average_pool2d",
    "batch_matmul",
    "conv2d",
    "depthwise_conv2d",
    "fully_connected",
    "log_softmax",
    "max_pool2d",
    "resize_bilinear",
    "resize_nearest_neighbor",
    "softmax",
    "transpose_conv",
)
WEIGHTS = np.random.default_rng(5).integers(-128, 128, (5, 12)).astype(np.int8)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=20)
def test_files_are_read_back(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(CASES[kind](True))
    graph = parse(dump(case.graph), "m")
    (op,) = graph.ops
    assert (op.kind, op.attrs) == (case.op.kind, case.op.attrs)
    for before, after in zip(reference.run(case.graph, case.inputs), reference.run(graph, case.inputs), strict=True):
        np.testing.assert_array_equal(before, after)


def graph_of(
    kind: str, attrs: Attrs, shapes: dict[str, Shape], constants: dict[str, np.ndarray], zero_point: int = 0
) -> Graph:
    """One operator, which need not be legal; the last shape is the output's."""
    tensors = {}
    for ident, (name, shape) in enumerate(shapes.items()):
        data = constants.get(name)
        bias = data is not None and data.dtype == np.int32
        quantization = None if bias else quant(0.25, zero_point if name == "w" else -3)
        tensors[ident] = Tensor(ident, name, shape, DType.INT32 if bias else DType.INT8, quantization, data)
    *inputs, output = tensors
    given = tuple(i for i in inputs if tensors[i].data is None)
    return Graph("g", tensors, (Op(kind, tuple(inputs), (output,), attrs, (0,)),), given, (output,))


def compare(graph: Graph, kinds: list[str]) -> None:
    """The file becomes these operators, and they compute what TensorFlow Lite Micro does."""
    data = dump(graph)
    read = parse(data, "m")
    assert [op.kind for op in read.ops] == kinds
    rng = np.random.default_rng(1)
    for _ in range(20):
        values = [rng.integers(-128, 128, read.tensors[i].shape).astype(np.int8) for i in read.inputs]
        np.testing.assert_array_equal(reference.run(read, values)[0], run_file(data, values, 1)[0])


def test_vectors_that_do_not_follow_rows_are_reshaped() -> None:
    shapes: dict[str, Shape] = {"x": (3, 2, 4), "w": (5, 12), "out": (2, 5)}
    attrs = FullyConnected(activation=Activation.RELU6)
    compare(graph_of("fully_connected", attrs, shapes, {"w": WEIGHTS}), ["reshape", "fully_connected"])


def test_weights_may_have_a_zero_point() -> None:
    shapes: dict[str, Shape] = {"x": (1, 2, 12), "w": (5, 12), "b": (5,), "out": (1, 2, 5)}
    constants = {"w": WEIGHTS, "b": np.arange(5, dtype=np.int32)}
    compare(graph_of("fully_connected", FullyConnected(True), shapes, constants, 17), ["fully_connected"])


def test_computed_weights_are_a_product_of_matrices() -> None:
    shapes: dict[str, Shape] = {"x": (3, 2, 4), "w": (5, 12), "out": (2, 5)}
    compare(graph_of("fully_connected", FullyConnected(), shapes, {}, 11), ["reshape", "batch_matmul", "reshape"])


@pytest.mark.parametrize(
    ("attrs", "constants"),
    [(FullyConnected(activation=Activation.RELU), {}), (FullyConnected(), {"b": np.zeros(5, np.int32)})],
)
def test_computed_weights_with_more_than_a_product_are_refused(
    attrs: FullyConnected, constants: dict[str, np.ndarray]
) -> None:
    shapes: dict[str, Shape] = {"x": (2, 12), "w": (5, 12), **dict.fromkeys(constants, (5,)), "out": (2, 5)}
    with pytest.raises(ModelError, match=r"FULLY_CONNECTED.*computed by the model") as error:
        parse(dump(graph_of("fully_connected", attrs, shapes, constants)), "m")
    assert error.value.exit is Exit.MODEL
    assert "BATCH_MATMUL" in error.value.hint


@pytest.mark.parametrize(
    ("kind", "attrs", "shapes", "constants", "tells"),
    [
        ("resize_bilinear", Resize((89, 4)), {"x": (1, 1, 4, 1), "out": (1, 89, 4, 1)}, {}, "reach beyond the 1"),
        ("resize_bilinear", Resize((4, 4), True, True), {"x": (1, 4, 4, 1), "out": (1, 4, 4, 1)}, {}, "at once"),
        ("resize_nearest_neighbor", Resize((4, 4)), {"x": (4, 4, 1), "out": (1, 4, 4, 1)}, {}, "rank 3"),
        ("log_softmax", Attrs(), {"x": (1, 4), "out": (1, 4)}, {}, "1/16 and zero point 127"),
        ("batch_matmul", Attrs(), {"x": (2, 3), "w": (4, 5), "out": (2, 5)}, {}, "do not fit each other"),
        ("batch_matmul", Attrs(), {"x": (2, 2, 3), "w": (3, 3, 5), "out": (3, 2, 5)}, {}, "do not broadcast"),
        ("batch_matmul", Attrs(), {"x": (3,), "w": (3, 5), "out": (1, 5)}, {}, "rank 1"),
        (
            "depthwise_conv2d",
            Attrs(),
            {"x": (4, 4, 1), "w": (1, 1, 1, 1), "out": (1, 4, 4, 1)},
            {"w": np.ones((1, 1, 1, 1), np.int8)},
            "rank 3",
        ),
        ("fully_connected", Attrs(), {"x": (4,), "w": (), "out": (1, 4)}, {"w": np.ones((), np.int8)}, "not [out, in]"),
        (
            "transpose_conv",
            TransposeConv((4, 4)),
            {"x": (1, 4, 4, 3), "w": (2, 1, 1, 5), "out": (1, 4, 4, 2)},
            {"w": np.ones((2, 1, 1, 5), np.int8)},
            "do not match the channels",
        ),
    ],
)
def test_refused_with_a_name_and_a_remedy(
    kind: str, attrs: Attrs, shapes: dict[str, Shape], constants: dict[str, np.ndarray], tells: str
) -> None:
    attrs = TABLE[kind].attrs() if type(attrs) is Attrs else attrs
    with pytest.raises(ModelError) as error:
        parse(dump(graph_of(kind, attrs, shapes, constants)), "m")
    assert error.value.exit is Exit.MODEL
    assert f"operator 0 {kind.upper().replace('CONV2D', 'CONV_2D')}" in error.value.message
    assert tells in f"{error.value.message} {error.value.hint}"
    assert error.value.hint
