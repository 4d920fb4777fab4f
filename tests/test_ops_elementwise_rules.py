"""What the records of element-wise operators say and refuse."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.cases.drawing import quant
from support.tflite_files import BUILTIN, File, FileOperator, FileTensor

from edgekit.errors import ModelError
from edgekit.frontend import parse
from edgekit_codegen.errors import CodegenError, IllegalGraph, UnsupportedModel
from edgekit_codegen.ir import Activation, Attrs, Box, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import (
    Abs,
    Add,
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Lookup,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Rsqrt,
    SquaredDifference,
    Sub,
    Tanh,
)
from edgekit_codegen.ops.record import Overlap, RowMap, Rows

Q = quant(0.5, -3)
UNARY: dict[str, tuple[Attrs, Quant]] = {
    "abs": (Abs(), Q),
    "elu": (Elu(), Q),
    "gelu": (Gelu(True), Q),
    "hard_swish": (HardSwish(), Q),
    "leaky_relu": (LeakyRelu(0.1), Q),
    "logistic": (Logistic(), quant(1 / 256, -128)),
    "lookup": (Lookup(bytes(256)), Q),
    "rsqrt": (Rsqrt(), Q),
    "tanh": (Tanh(), quant(1 / 128, 0)),
}
BINARY: dict[str, Attrs] = {
    "add": Add(Activation.RELU6),
    "maximum": Maximum(),
    "minimum": Minimum(),
    "mul": Mul(),
    "prelu": Prelu(),
    "squared_difference": SquaredDifference(),
    "sub": Sub(),
}


def graph_of(kind: str, attrs: Attrs, shapes: list[Shape], quants: list[Quant], dtype: DType = DType.INT8) -> Graph:
    """One operator; the last shape and quantization are the output's."""
    names = ("camera", "other", "result") if len(shapes) == 3 else ("camera", "result")
    tensors = {i: Tensor(i, names[i], s, dtype, q) for i, (s, q) in enumerate(zip(shapes, quants, strict=True))}
    out = len(shapes) - 1
    return Graph("one", tensors, (Op(kind, tuple(range(out)), (out,), attrs, (7,)),), tuple(range(out)), (out,))


def unary(
    kind: str, x: Quant = Q, out: Quant | None = None, attrs: Attrs | None = None, dtype: DType = DType.INT8
) -> Graph:
    shape = (1, 4, 3, 2)
    return graph_of(kind, attrs or UNARY[kind][0], [shape, shape], [x, out or UNARY[kind][1]], dtype)


def binary(kind: str, a: Shape, b: Shape, out: Shape, quants: tuple[Quant, Quant, Quant] = (Q, Q, Q)) -> Graph:
    return graph_of(kind, BINARY[kind], [a, b, out], list(quants))


def refuse(graph: Graph) -> CodegenError:
    """The error, which always names the operator, where it stands in the model, and a tensor."""
    with pytest.raises((IllegalGraph, UnsupportedModel)) as caught:
        verify(graph, "the test")
    assert f"{graph.ops[0].kind} (operator 7" in caught.value.message
    return caught.value


@pytest.mark.parametrize("kind", UNARY)
def test_functions_of_one_tensor(kind: str) -> None:
    graph = unary(kind)
    verify(graph, "the test")
    record = TABLE[kind]
    assert (record.access(graph, graph.ops[0]), record.overlap) == (Rows(), Overlap.IN_PLACE)
    assert record.input_boxes(graph, graph.ops[0], Box(0, 2, 1, 3, 1, 2)) == (Box(0, 2, 1, 3, 1, 2),)
    error = refuse(unary(kind, dtype=DType.INT16))
    assert isinstance(error, UnsupportedModel) and "int16" in error.message and "int8" in error.hint


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        ((3, 4, 5), (3, 4, 5), (3, 4, 5)),
        ((3, 4, 5), (5,), (3, 4, 5)),
        ((3, 4, 5), (), (3, 4, 5)),
        ((2, 3, 4, 5, 6), (3, 1, 1, 6), (2, 3, 4, 5, 6)),
    ],
)
def test_shapes_are_broadcast(kind: str, a: Shape, b: Shape, out: Shape) -> None:
    verify(binary(kind, a, b, out), "the test")
    if kind != "prelu":
        verify(binary(kind, b, a, out), "the test")
        verify(binary(kind, (4, 1), (1, 5), (4, 5)), "the test")


@pytest.mark.parametrize("kind", BINARY)
def test_shapes_that_do_not_go_together(kind: str) -> None:
    for a, b, out in (((3, 4), (3, 5), (3, 5)), ((2, 3), (3, 2), (2, 3)), ((4,), (4,), (1, 4))):
        assert isinstance(refuse_shape(kind, a, b, out), IllegalGraph)
    assert "broadcast" in refuse(binary(kind, (3, 4), (3, 5), (3, 5))).message
    six = (1,) * 6
    error = refuse(binary(kind, six, six, six))
    assert isinstance(error, UnsupportedModel) and "dimensions" in error.message


def refuse_shape(kind: str, a: Shape, b: Shape, out: Shape) -> CodegenError:
    with pytest.raises(IllegalGraph) as caught:
        verify(binary(kind, a, b, out), "the test")
    return caught.value


def test_prelu_has_its_input_s_shape() -> None:
    error = refuse(binary("prelu", (1, 5), (4, 5), (4, 5)))
    assert isinstance(error, IllegalGraph) and "cannot be broadcast to 'camera'" in error.message


def test_rows_and_regions_of_operands_that_repeat() -> None:
    graph = binary("add", (2, 3, 4, 5), (2, 1, 1, 5), (2, 3, 4, 5))
    record, op = TABLE["add"], graph.ops[0]
    assert record.access(graph, op) == Rows((None, RowMap(((3, 2, 1),))))
    assert record.input_boxes(graph, op, Box(2, 4, 1, 3, 2, 4)) == (Box(2, 4, 1, 3, 2, 4), Box(0, 2, 0, 1, 2, 4))
    graph = binary("add", (), (3, 4, 5), (3, 4, 5))
    assert record.input_boxes(graph, graph.ops[0], Box(1, 2, 1, 3, 2, 4))[0] == Box(0, 1, 0, 1, 0, 1)


@pytest.mark.parametrize("kind", ["maximum", "minimum"])
def test_stored_values_are_only_compared_where_they_mean_the_same(kind: str) -> None:
    for position in range(3):
        for other in (quant(0.5, -2), quant(float(np.nextafter(np.float32(0.5), np.float32(1.0))), -3)):
            quants = [Q, Q, Q]
            quants[position] = other
            error = refuse(binary(kind, (4,), (4,), (4,), (quants[0], quants[1], quants[2])))
            assert isinstance(error, UnsupportedModel) and "alike" in error.hint


def test_limits_name_the_way_out() -> None:
    tiny, huge = quant(2.0**-30, 0), quant(2.0**30, 0)
    for kind in ("add", "sub"):
        assert "too small" in refuse(binary(kind, (4,), (4,), (4,), (huge, Q, quant(2.0**-20, 0)))).message
    assert "a clamp at 6" in refuse(binary("add", (4,), (4,), (4,), (huge, Q, tiny))).message
    for kind in ("mul", "prelu", "squared_difference"):
        assert "quantization" in refuse(binary(kind, (4,), (4,), (4,), (huge, huge, tiny))).hint
    for kind in ("abs", "elu", "gelu", "hard_swish", "leaky_relu"):
        assert "quantization" in refuse(unary(kind, huge, tiny)).hint
    assert "1/256 and zero point -128" in refuse(unary("logistic", out=quant(1 / 128, -128))).hint
    assert "1/256 and zero point -128" in refuse(unary("logistic", out=quant(1 / 256, 0))).hint
    assert "1/128 and zero point 0" in refuse(unary("tanh", out=quant(1 / 128, 1))).hint
    for kind in ("logistic", "tanh"):
        assert "2^-28" in refuse(unary(kind, quant(2.0**-29, 0))).message
    assert "2^-22 to 2^24" in refuse(unary("hard_swish", quant(1.0, 0), quant(2.0**-8, 0))).message
    assert "factor" in refuse(unary("rsqrt", huge, huge)).message
    assert "factor" in refuse(unary("rsqrt", tiny, quant(2.0**-20, 0))).message
    assert "table of 255" in refuse(unary("lookup", attrs=Lookup(bytes(255)))).message


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (unary("leaky_relu"), "alpha 0.1"),
        (unary("gelu"), "approximate"),
        (unary("gelu", attrs=Gelu(False)), ""),
        (unary("tanh"), ""),
        (binary("add", (4,), (4,), (4,)), "relu6"),
        (binary("mul", (4,), (4,), (4,)), ""),
    ],
)
def test_describe(graph: Graph, words: str) -> None:
    assert TABLE[graph.ops[0].kind].describe(graph, graph.ops[0]) == words


def test_neg_is_a_product_with_minus_one() -> None:
    """TensorFlow Lite Micro has no NEG of int8."""
    x = FileTensor((1, 4), scale=(0.5,), zero_point=(3,))
    graph = parse(File([x, x], [FileOperator(BUILTIN.NEG, (0,), (1,))]).write(), "m")
    (op,) = graph.ops
    constant = graph.operand(op, 1)
    assert (op.kind, constant.quant, constant.shape) == ("mul", Quant((1.0,), (0,)), ())
    assert constant.data is not None and constant.data == -1


@pytest.mark.parametrize("alpha", [float("inf"), float("nan")])
def test_an_alpha_that_is_no_number_is_refused(alpha: float) -> None:
    image = FileTensor((1, 4))
    operator = FileOperator(BUILTIN.LEAKY_RELU, (0,), (1,), options=("LeakyReluOptions", {"Alpha": alpha}))
    with pytest.raises(ModelError, match="operator 0 LEAKY_RELU") as error:
        parse(File([image, image], [operator]).write(), "m")
    assert "finite alpha" in error.value.hint
