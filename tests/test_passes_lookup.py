"""Functions of one int8 value become one table, and those that change nothing disappear: the same bytes before and
after."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graph_builder import STEP, GraphBuilder

from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Quant
from edgekit_codegen.ir.verify import verify
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
from edgekit_codegen.passes import Optimized, optimize
from edgekit_codegen.reference import run

SHAPE = (1, 4, 4, 3)
OTHER, LOWEST, UNIT = Quant((0.125,), (3,)), Quant((0.0625,), (-128,)), Quant((1.0,), (0,))
PROBABILITY, SIGNED = Quant((1 / 256,), (-128,)), Quant((1 / 128,), (0,))


def optimized(graph: Graph) -> Optimized:
    """optimize, which must not change a byte of what the reference computes."""
    result = optimize(graph)
    verify(result.graph, "the test")
    for seed in range(2):
        rng = np.random.default_rng(seed)
        inputs = [_values(rng, graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs]
        for before, after in zip(run(graph, inputs), run(result.graph, inputs), strict=True):
            np.testing.assert_array_equal(before, after)
    return result


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> npt.NDArray[Any]:
    if dtype is DType.FLOAT32:
        return rng.normal(0, 8, shape).astype(np.float32)
    return rng.integers(-128, 128, shape).astype(np.int8)


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def scalar(b: GraphBuilder, value: int, quant: Quant = STEP) -> int:
    return b.constant(np.array([value], np.int8), quant)


def test_a_run_of_functions_is_one_table() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)))
    y = b.apply("hard_swish", (b.apply("leaky_relu", (x,), LeakyRelu(0.25)),), HardSwish())
    y = b.relu(b.quantize(y, OTHER), quant=LOWEST)
    result = optimized(b.graph(b.conv2d(y)))
    assert kinds(result.graph) == ["conv2d", "lookup", "conv2d"]
    op = result.graph.ops[1]
    assert isinstance(op.attrs, Lookup) and len(op.attrs.table) == 256
    assert (op.inputs, op.outputs, op.origin) == ((x,), (y,), (1, 2, 3, 4))
    (step,) = (s for s in result.steps if s.changed)
    assert step.name == "fuse_lookups"
    assert step.changed == ("leaky_relu 1 and hard_swish 2 and quantize 3 and relu 4 became one lookup",)


def test_a_function_alone_keeps_its_kind() -> None:
    for kind, attrs, quant in (("tanh", Tanh(), SIGNED), ("abs", Abs(), OTHER)):
        b = GraphBuilder()
        graph = b.graph(b.apply(kind, (b.input(SHAPE),), attrs, quant))
        assert optimized(graph).graph is graph


def test_a_value_that_something_else_reads_ends_a_run() -> None:
    b = GraphBuilder()
    middle = b.apply("logistic", (b.input(SHAPE),), Logistic(), PROBABILITY)
    after = b.apply("abs", (b.apply("elu", (middle,), Elu(), OTHER),), Abs())
    for graph in (b.graph(after, middle), b.graph(after, b.mean(middle, (1, 2)))):
        first, table, *_ = optimized(graph).graph.ops
        assert (first.kind, table.kind, table.inputs) == ("logistic", "lookup", (middle,))


def test_a_run_goes_through_float32() -> None:
    b = GraphBuilder()
    x = b.quantize(b.dequantize(b.quantize(b.input(SHAPE), OTHER)), STEP)
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["lookup", "conv2d"]


def test_a_run_begins_where_values_are_int8() -> None:
    """What quantizes a float32 input is no function of 256 values, and neither is what ends in float32."""
    b = GraphBuilder()
    x = b.quantize(b.float_input(SHAPE), OTHER)
    y = b.relu(b.quantize(x, STEP), Activation.RELU6, LOWEST)
    assert kinds(optimized(b.graph(b.dequantize(y))).graph) == ["quantize", "lookup", "dequantize"]


@pytest.mark.parametrize(
    ("kind", "attrs"),
    [
        ("add", Add()),
        ("sub", Sub(Activation.RELU)),
        ("mul", Mul(Activation.RELU6)),
        ("maximum", Maximum()),
        ("minimum", Minimum()),
        ("squared_difference", SquaredDifference()),
        ("prelu", Prelu()),
    ],
)
def test_a_function_of_two_with_one_constant_value_is_a_table(kind: str, attrs: Attrs) -> None:
    for constant in (np.array(9, np.int8), np.full((4, 1, 3), 9, np.int8)):
        for flipped in (False, True) if kind != "prelu" else (False,):
            b = GraphBuilder()
            pair = (b.input(SHAPE), b.constant(constant))
            graph = b.graph(b.apply(kind, pair[::-1] if flipped else pair, attrs))
            assert kinds(optimized(graph).graph) == ["lookup"]


@pytest.mark.parametrize(
    ("kind", "attrs"), [("add", Add()), ("mul", Mul()), ("squared_difference", SquaredDifference())]
)
def test_a_function_of_one_tensor_twice_is_a_table(kind: str, attrs: Attrs) -> None:
    b = GraphBuilder()
    x = b.relu(b.input(SHAPE), quant=OTHER)
    assert kinds(optimized(b.graph(b.apply(kind, (x, x), attrs))).graph) == ["lookup"]


def test_constants_that_differ_stay() -> None:
    b = GraphBuilder()
    x = b.apply("mul", (b.input(SHAPE), b.constant(np.array([1, 2, 3], np.int8))), Mul())
    y = b.apply("add", (b.apply("abs", (x,), Abs()), b.constant(np.array([1, 2, 3], np.int8))), Add())
    assert kinds(optimized(b.graph(y)).graph) == ["mul", "abs", "add"]


def test_a_constant_that_makes_the_tensor_larger_stays() -> None:
    b = GraphBuilder()
    x = b.apply("add", (b.input((1, 1, 4, 3)), b.constant(np.full((2, 1, 1), 7, np.int8))), Add())
    assert kinds(optimized(b.graph(x)).graph) == ["add"]


@pytest.mark.parametrize(
    ("kind", "attrs", "constant", "quant"),
    [
        ("add", Add(), np.full((4, 1, 3), -5, np.int8), STEP),
        ("sub", Sub(), np.array(-5, np.int8), STEP),
        ("add", Add(), np.array([0, 1, 2], np.int8), Quant((2.0**-30,), (0,))),  # too small to be seen
        ("mul", Mul(), np.array([1], np.int8), UNIT),
        ("mul", Mul(), np.array([[2, 2, 2]], np.int8), Quant((0.5,), (0,))),
        ("prelu", Prelu(), np.array([1], np.int8), UNIT),
        ("maximum", Maximum(), np.array([-128], np.int8), STEP),
        ("minimum", Minimum(), np.array([127], np.int8), STEP),
    ],
)
def test_what_gives_every_value_back_disappears(
    kind: str, attrs: Attrs, constant: npt.NDArray[Any], quant: Quant
) -> None:
    b = GraphBuilder()
    x = b.apply(kind, (b.input(SHAPE), b.constant(constant, quant)), attrs)
    result = optimized(b.graph(b.conv2d(x)))
    assert kinds(result.graph) == ["conv2d"]
    assert [line for step in result.steps for line in step.changed] == [f"{kind} 0 removed: it changes nothing"]


def test_a_constant_first_operand_disappears_as_well() -> None:
    b = GraphBuilder()
    x = b.apply("mul", (scalar(b, 1, UNIT), b.conv2d(b.input((1, 6, 6, 2)))), Mul(), STEP)
    assert kinds(optimized(b.graph(x)).graph) == ["conv2d"]


def test_a_run_that_gives_every_value_back_disappears() -> None:
    """Negated twice: symmetric values survive, as the first of the two never saturates."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), quant=Quant((0.0625,), (0,)))
    y = b.apply("mul", (x, scalar(b, -1, UNIT)), Mul(), Quant((0.0625,), (-1,)))
    y = b.apply("mul", (y, scalar(b, -1, UNIT)), Mul(), Quant((0.0625,), (0,)))
    result = optimized(b.graph(b.conv2d(y, kernel=(1, 1))))
    assert kinds(result.graph) == ["conv2d", "conv2d"]
    assert "together they change nothing" in str(result.steps)


def test_every_value_under_another_quantization_is_not_the_same() -> None:
    """Stored values stay, and mean twice as much."""
    b = GraphBuilder()
    x = b.apply("mul", (b.input(SHAPE), scalar(b, 2, UNIT)), Mul(), Quant((0.125,), (-5,)))
    assert kinds(optimized(b.graph(b.conv2d(x))).graph) == ["lookup", "conv2d"]


def test_between_an_input_and_an_output_a_copy_stays() -> None:
    b = GraphBuilder()
    x = b.apply("add", (b.input(SHAPE), scalar(b, -5)), Add())
    assert kinds(optimized(b.graph(x)).graph) == ["lookup"]
    b = GraphBuilder()
    unseen = b.constant(np.array([0, 1, 2], np.int8), Quant((2.0**-30,), (0,)))
    copy = b.apply("add", (unseen, b.input(SHAPE)), Add(), STEP)
    other = b.relu(b.relu(b.input(SHAPE), quant=OTHER), quant=LOWEST)
    assert kinds(optimized(b.graph(copy, other)).graph) == ["add", "lookup"]


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1])
@pytest.mark.parametrize(("kind", "attrs"), [("sub", Sub), ("mul", Mul)])
def test_an_activation_is_fused_into_a_difference_or_product(
    kind: str, attrs: type[Sub] | type[Mul], activation: Activation
) -> None:
    b = GraphBuilder()
    made = b.apply(kind, (b.input(SHAPE), b.input(SHAPE)), attrs())
    (op,) = optimized(b.graph(b.relu(made, activation))).graph.ops
    assert op.attrs == attrs(activation)


def test_dead_channels_go_through_a_table() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 6, 6, 2)), channels=4)
    last = b.conv2d(b.apply("abs", (b.apply("elu", (x,), Elu()),), Abs()), channels=2, kernel=(1, 1))
    weights = b.tensors[b.ops[-1].inputs[1] or 0]
    data = np.array(weights.data)
    data[..., 1] = 0
    b.tensors[weights.id] = type(weights)(weights.id, "weights", data.shape, weights.dtype, weights.quant, data)
    result = optimized(b.graph(last))
    assert kinds(result.graph) == ["conv2d", "lookup", "conv2d"]
    assert result.graph.result(result.graph.ops[1]).shape[3] == 3


UNARY: list[tuple[str, Attrs, Quant | None]] = [
    ("abs", Abs(), None),
    ("elu", Elu(), None),
    ("gelu", Gelu(True), None),
    ("hard_swish", HardSwish(), None),
    ("leaky_relu", LeakyRelu(-0.5), None),
    ("logistic", Logistic(), PROBABILITY),
    ("rsqrt", Rsqrt(), None),
    ("tanh", Tanh(), SIGNED),
]
BINARY: list[tuple[str, Attrs]] = [
    ("add", Add(Activation.RELU6)),
    ("sub", Sub()),
    ("mul", Mul()),
    ("squared_difference", SquaredDifference()),
    ("prelu", Prelu()),
]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Rows of element-wise operators with branches, most of which become tables."""
    b = GraphBuilder(draw(st.integers(0, 2**16)))
    quants = st.sampled_from([STEP, OTHER, LOWEST])
    made = [b.input((1, 2, 3, 4), draw(quants))]
    for _ in range(draw(st.integers(1, 7))):
        x = draw(st.sampled_from(made[-2:]))
        form = draw(st.sampled_from(["unary", "unary", "constant", "two", "quantize", "detour", "relu", "conv2d"]))
        if form == "unary":
            kind, attrs, quant = draw(st.sampled_from(UNARY))
            made.append(b.apply(kind, (x,), attrs, quant or draw(quants)))
        elif form == "constant":
            kind, binary = draw(st.sampled_from(BINARY))
            values = draw(st.sampled_from([[-5], [0], [1], [3, 3, 3, 3], [0, 0, 0, 1]]))
            constant = b.constant(np.array(values, np.int8), draw(st.sampled_from([UNIT, STEP])))
            pair = (x, constant) if kind == "prelu" or draw(st.booleans()) else (constant, x)
            made.append(b.apply(kind, pair, binary, draw(quants)))
        elif form == "two":
            kind, binary = draw(st.sampled_from(BINARY))
            made.append(b.apply(kind, (x, draw(st.sampled_from(made))), binary, draw(quants)))
        elif form == "quantize":
            made.append(b.quantize(x, draw(quants)))
        elif form == "detour":
            made.append(b.quantize(b.dequantize(x), draw(quants)))
        elif form == "relu":
            made.append(b.relu(x, draw(st.sampled_from(list(Activation)[1:])), draw(quants)))
        else:
            made.append(b.conv2d(x, 4, (1, 1), quant=draw(quants)))
    outputs = {made[-1], *draw(st.sets(st.sampled_from(made[1:]), max_size=2))}
    return b.graph(*sorted(outputs))


@given(graphs())
def test_random_graphs_give_the_same_bytes(graph: Graph) -> None:
    result = optimized(graph)
    assert result.steps[-1].changed == ()  # until nothing is left to do
    assert (result.graph.inputs, result.graph.outputs) == (graph.inputs, graph.outputs)
