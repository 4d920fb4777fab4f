"""What the records of the operators that pool, reduce, move and rescale say and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from conformance.cases.drawing import quant
from conformance.cases.products import SOFTMAX_OUT

from edgekit_codegen.errors import CodegenError, IllegalGraph, UnsupportedModel
from edgekit_codegen.ir import Activation, Attrs, Box, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import (
    Dequantize,
    Mean,
    Pad,
    Padding,
    Pool2D,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Transpose,
)
from edgekit_codegen.ops.record import Access, Overlap, Rows, Whole, Window

IMAGE: Shape = (1, 8, 6, 4)
Q = quant(0.5, -3)
POOL = Pool2D((3, 2), (2, 2), Padding(1, 1, 0, 0), Activation.RELU6)
PAD = Pad(((0, 0), (1, 2), (0, 3), (0, 0)))
LEGAL: dict[str, tuple[Attrs, Shape]] = {
    "average_pool2d": (POOL, (1, 4, 3, 4)),
    "max_pool2d": (POOL, (1, 4, 3, 4)),
    "mean": (Mean((1, 2), False), (1, 4)),
    "pad": (PAD, (1, 11, 9, 4)),
    "softmax": (Softmax(), IMAGE),
    "reshape": (Reshape(), (1, 192)),
    "transpose": (Transpose((0, 3, 1, 2)), (1, 4, 8, 6)),
    "quantize": (Quantize(), IMAGE),
    "dequantize": (Dequantize(), IMAGE),
    "relu": (Relu(Activation.RELU6), IMAGE),
}


def build(kind: str, **changes: Any) -> Graph:
    """A legal graph of one operator; changes replace x's and out's shape, dtype and quant, or attrs: x_shape=... ."""
    attrs, out_shape = LEGAL[kind]
    fields: dict[str, Any] = {
        "x_shape": IMAGE,
        "out_shape": out_shape,
        "x_dtype": DType.INT8,
        "out_dtype": DType.FLOAT32 if kind == "dequantize" else DType.INT8,
        "x_quant": Q,
        "out_quant": SOFTMAX_OUT if kind == "softmax" else None if kind == "dequantize" else Q,
        "attrs": attrs,
        "inputs": (0,),
    }
    assert changes.keys() <= fields.keys()
    fields |= changes
    x = Tensor(0, "camera", fields["x_shape"], fields["x_dtype"], fields["x_quant"])
    out = Tensor(1, "result", fields["out_shape"], fields["out_dtype"], fields["out_quant"])
    op = Op(kind, fields["inputs"], (1,), fields["attrs"], (7,))
    return Graph("one", {0: x, 1: out}, (op,), (0,), (1,))


def refuse(kind: str, **changes: Any) -> CodegenError:
    """The error, which always names the operator and where it stands in the model."""
    with pytest.raises((IllegalGraph, UnsupportedModel)) as caught:
        verify(build(kind, **changes), "the test")
    assert f"{kind} (operator 7" in caught.value.message
    return caught.value


@pytest.mark.parametrize("kind", LEGAL)
def test_legal_operators_verify(kind: str) -> None:
    verify(build(kind), "the test")


@pytest.mark.parametrize("kind", sorted(set(LEGAL) - {"reshape"}))
@pytest.mark.parametrize("dtype", [DType.INT16, DType.INT32])
def test_other_types_are_refused_by_name(kind: str, dtype: DType) -> None:
    same = {} if kind in ("quantize", "dequantize") else {"out_dtype": dtype}
    error = refuse(kind, x_dtype=dtype, **same)
    assert isinstance(error, UnsupportedModel)
    assert "camera" in error.message and dtype.value in error.message and "int8" in error.hint


@pytest.mark.parametrize("kind", sorted(set(LEGAL) - {"quantize", "reshape"}))
def test_float_layers_are_refused(kind: str) -> None:
    error = refuse(kind, x_dtype=DType.FLOAT32, x_quant=None)
    assert isinstance(error, UnsupportedModel) and "quantize" in error.hint


@pytest.mark.parametrize("kind", LEGAL)
def test_unquantized_and_per_channel_activations_are_refused(kind: str) -> None:
    assert isinstance(refuse(kind, x_quant=None), UnsupportedModel)
    assert "per tensor" in refuse(kind, x_quant=Quant((0.1,) * 4, (0,) * 4, 3)).hint


@pytest.mark.parametrize("kind", LEGAL)
def test_wrong_shapes_and_operands_are_illegal(kind: str) -> None:
    for changes in ({"out_shape": (1, 3, 5, 7)}, {"inputs": ()}, {"inputs": (None, 0)}):
        with pytest.raises(IllegalGraph):
            verify(build(kind, **changes), "the test")


@pytest.mark.parametrize("kind", ["average_pool2d", "max_pool2d", "pad", "reshape", "transpose"])
@pytest.mark.parametrize("other", [quant(0.5, -2), quant(0.51, -3)])
def test_moving_data_needs_one_quantization(kind: str, other: Quant) -> None:
    error = refuse(kind, out_quant=other)
    assert isinstance(error, UnsupportedModel) and "alike" in error.hint
    assert f"{other.scale[0]:.6g} and {other.zero_point[0]}" in error.message


@pytest.mark.parametrize(
    ("kind", "attrs"),
    [
        ("average_pool2d", Pool2D((0, 2))),
        ("average_pool2d", Pool2D((2, 2), (0, 1))),
        ("max_pool2d", Pool2D((2, 2), (1, 1), Padding(2, 0, 0, 0))),
        ("max_pool2d", Pool2D((2, 2), (1, 1), Padding(0, 0, 0, -1))),
        ("max_pool2d", Pool2D((9, 1))),
        ("mean", Mean((2, 1), False)),
        ("mean", Mean((4,), False)),
        ("mean", Mean((-1,), False)),
        ("pad", Pad(((1, 2), (0, 3), (0, 0)))),
        ("pad", Pad(((0, 0), (-1, 2), (0, 3), (0, 0)))),
        ("transpose", Transpose((0, 1, 2))),
        ("transpose", Transpose((0, 1, 1, 2))),
        ("relu", Relu(Activation.NONE)),
    ],
)
def test_broken_attributes_are_illegal(kind: str, attrs: Attrs) -> None:
    assert isinstance(refuse(kind, attrs=attrs), IllegalGraph)


def test_limits_name_the_way_out() -> None:
    assert "1/256" in refuse("softmax", out_quant=quant(1 / 128, -128)).hint
    assert "-128" in refuse("softmax", out_quant=quant(1 / 256, 0)).hint
    assert "logits" in refuse("softmax", x_shape=(1, 4096), out_shape=(1, 4096)).hint
    assert "quantization" in refuse("softmax", attrs=Softmax(0.0)).hint
    assert "two steps" in refuse("mean", x_shape=(1, 4096, 4096, 4)).hint
    assert "two steps" in refuse("average_pool2d", x_shape=(1, 4096, 4096, 4), attrs=Pool2D((4096, 4096))).hint
    for kind in ("mean", "relu", "quantize"):
        assert "too small" in refuse(kind, x_quant=quant(2.0**20, 0), out_quant=quant(2.0**-20, 0)).hint


@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.INT16, DType.INT32, DType.INT64])
def test_reshape_keeps_any_type(dtype: DType) -> None:
    verify(build("reshape", x_dtype=dtype, out_dtype=dtype, x_quant=None, out_quant=None), "the test")
    assert isinstance(refuse("reshape", out_dtype=DType.FLOAT32, out_quant=None), IllegalGraph)


@pytest.mark.parametrize(
    ("kind", "access", "overlap"),
    [
        ("average_pool2d", Window(3, 2, 1, 1), Overlap.NEVER),
        ("max_pool2d", Window(3, 2, 1, 1), Overlap.NEVER),
        ("mean", Whole(), Overlap.NEVER),
        ("pad", Window(1, 1, 1, 1), Overlap.NEVER),
        ("softmax", Rows(), Overlap.IN_PLACE),
        ("reshape", Whole(), Overlap.VIEW),
        ("transpose", Whole(), Overlap.NEVER),
        ("quantize", Rows(), Overlap.IN_PLACE),
        ("dequantize", Rows(), Overlap.NEVER),
        ("relu", Rows(), Overlap.IN_PLACE),
    ],
)
def test_access_and_overlap(kind: str, access: Access, overlap: Overlap) -> None:
    graph = build(kind)
    assert (TABLE[kind].access(graph, graph.ops[0]), TABLE[kind].overlap) == (access, overlap)


@pytest.mark.parametrize(
    ("kind", "box"),
    [
        ("average_pool2d", Box(-1, 4, 2, 6, 1, 2)),
        ("max_pool2d", Box(-1, 4, 2, 6, 1, 2)),
        ("mean", Box(0, 8, 0, 6, 0, 4)),
        ("pad", Box(-1, 1, 1, 3, 1, 2)),
        ("softmax", Box(0, 2, 1, 3, 0, 4)),
        ("transpose", Box(0, 8, 0, 6, 0, 4)),
        ("relu", Box(0, 2, 1, 3, 1, 2)),
    ],
)
def test_input_boxes(kind: str, box: Box) -> None:
    graph = build(kind)
    assert TABLE[kind].input_boxes(graph, graph.ops[0], Box(0, 2, 1, 3, 1, 2)) == (box,)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("average_pool2d", "3x2/2 relu6"),
        ("mean", "over 1, 2"),
        ("pad", "rows 1+2, pixels 0+3"),
        ("softmax", ""),
        ("reshape", "to 1x192"),
        ("transpose", "by 0, 3, 1, 2"),
        ("quantize", "int8 to int8"),
        ("dequantize", "int8 to float32"),
        ("relu", "relu6"),
    ],
)
def test_describe(kind: str, words: str) -> None:
    graph = build(kind)
    assert TABLE[kind].describe(graph, graph.ops[0]) == words
