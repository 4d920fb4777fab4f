"""Element-wise operators where drawn cases would hardly ever look: every value, scales at which roundings meet, rows
that are broadcast in generated code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conformance.cases.drawing import quant, unary
from conformance.oracle import answer, tflm
from hypothesis import given
from hypothesis import strategies as st
from support import host_model, plans
from support.graph_builder import GraphBuilder
from support.kernel_runner import compute

from edgekit.export import tflite
from edgekit.frontend import parse
from edgekit_codegen import reference
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Attrs, Graph, Quant, Shape
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import (
    Abs,
    Add,
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Rsqrt,
    SquaredDifference,
    Sub,
    Tanh,
)

ALL_INT8 = np.arange(-128, 128, dtype=np.int8)
SCALES = [2.0**-28, 1e-6, 0.0009, 1 / 64, 0.0625 + 2**-27, 0.1, 0.25, 1.0, 7.9, 8.0, 100.0]
THIRD, ONE_AND_A_HALF = 1.0 / 3.0, 1.5 + 2.0**-23


def every_value(kind: str, attrs: Attrs, x: Quant, out: Quant) -> Graph:
    return unary(kind, attrs, (256,), (256,), x, out)


def check(graph: Graph) -> None:
    """Reference and kernel give what the oracle gives."""
    expected = answer(graph, (ALL_INT8,))
    np.testing.assert_array_equal(reference.run(graph, (ALL_INT8,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), expected)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("zero_point", [-128, 3, 127])
def test_sigmoids_of_every_value(scale: float, zero_point: int) -> None:
    """From arguments that are all zero to ones that all saturate."""
    check(every_value("logistic", Logistic(), quant(scale, zero_point), quant(1 / 256, -128)))
    check(every_value("tanh", Tanh(), quant(scale, zero_point), quant(1 / 128, 0)))


@pytest.mark.parametrize("factor", [2.0**-8, 0.01, THIRD, 1.0, 1.7, 127.9])
@pytest.mark.parametrize("scale", [2.0**-20, 0.001, 0.0235, 0.04, 3.0, 1000.0])
def test_hard_swish_of_every_value(scale: float, factor: float) -> None:
    for zero_point in (-128, -1, 127):
        check(every_value("hard_swish", HardSwish(), quant(scale, zero_point), quant(scale / factor, -zero_point - 1)))


@pytest.mark.parametrize("alpha", [0.0, 1e-30, 0.1, 0.3, 1.0, 5.5, -0.25, -3.0])
def test_leaky_relu_with_any_alpha(alpha: float) -> None:
    attrs = LeakyRelu(float(np.float32(alpha)))
    for factor in (0.01, THIRD, 1.0, 9.0):
        check(every_value("leaky_relu", attrs, quant(factor, -7), quant(1.0, 11)))


@pytest.mark.parametrize("scale", [1e-6, 0.004, 0.3, 50.0])
def test_functions_in_single_precision_of_every_value(scale: float) -> None:
    for out_scale in (scale / 3.0, scale, scale * 2.1, 0.01):
        check(every_value("elu", Elu(), quant(scale, 5), quant(out_scale, -100)))
        check(every_value("elu", Elu(), quant(scale, 127), quant(out_scale, 127)))


@pytest.mark.parametrize("attrs", [Abs(), LeakyRelu(1.0)])
def test_scales_are_divided_in_double_precision(attrs: Attrs) -> None:
    """The ratio is 2^-24 below 1.5: in single precision it would be 1.5 and odd values ties."""
    kind = "abs" if isinstance(attrs, Abs) else "leaky_relu"
    graph = every_value(kind, attrs, quant(ONE_AND_A_HALF, 0), quant(1.0 + 2.0**-23, 0))
    assert reference.run(graph, (ALL_INT8,))[0][128 + 1] == 1
    check(graph)


def test_a_leaky_relu_multiplies_its_scales_in_double_precision() -> None:
    """Scales for which some value's product with alpha is a tie in single precision, and not in double."""
    rng = np.random.default_rng(0)
    found = 0
    while found < 20:
        alpha, scale = (np.float32(v) for v in (rng.uniform(0.05, 1.0), rng.uniform(1.0, 2.0)))
        value = int(rng.integers(1, 128))
        product = np.float32(scale * alpha)
        out = np.float32(float(product) * value / (np.floor(value * float(product)) + 0.5))
        steps = value * float(np.float32(product / out))
        exact = value * float(scale) * float(alpha) / float(out)
        if steps == np.floor(steps) + 0.5 and exact < steps:
            found += 1
            check(every_value("leaky_relu", LeakyRelu(float(alpha)), quant(float(scale), 0), quant(float(out), 0)))


def test_rsqrt_is_largest_where_there_is_no_root() -> None:
    """TensorFlow Lite Micro stops below the zero point; here that is as zero."""
    graph = every_value("rsqrt", Rsqrt(), quant(0.5, 3), quant(0.02, -128))
    (result,) = reference.run(graph, (ALL_INT8,))
    assert (result[ALL_INT8 <= 3] == 127).all() and (np.diff(result[ALL_INT8 > 3].astype(int)) <= 0).all()
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), result)
    from_zero = ALL_INT8[ALL_INT8 >= 3]
    plain = unary("rsqrt", Rsqrt(), from_zero.shape, from_zero.shape, quant(0.5, 3), quant(0.02, -128))
    np.testing.assert_array_equal(result[ALL_INT8 >= 3], tflm(plain, (from_zero,)))


@pytest.mark.parametrize(
    ("approximate", "expected"),
    [
        (False, [-17, -17, -18, -19, -21, -25, -30, -34, -32, -22, 2, 36, 78, 123, 127]),
        (True, [-17, -17, -17, -19, -21, -25, -30, -34, -32, -22, 2, 36, 78, 123, 127]),
    ],
)
def test_gelu_is_what_litert_computed(approximate: bool, expected: list[int]) -> None:
    """A few values of LiteRT 2.3.0's reference kernel, for where that is not installed."""
    graph = every_value("gelu", Gelu(approximate), quant(0.05, 10), quant(0.01, -17))
    (result,) = reference.run(graph, (ALL_INT8,))
    assert result[64:184:8].tolist() == expected


def broadcasts() -> Graph:
    """Constants in flash and rows that repeat, on either side; sums with themselves; scalars; five dimensions."""
    b = GraphBuilder(3)
    rng = np.random.default_rng(3)

    def constant(*shape: int) -> int:
        return b.constant(rng.integers(-128, 128, shape).astype(np.int8))

    x, row, five = b.input((2, 3, 4, 5)), b.input((1, 3, 1, 5)), b.input((2, 1, 3, 1, 5))
    y = b.apply("mul", (x, constant(5)), Mul())
    y = b.apply("add", (constant(2, 1, 4, 1), y), Add())
    y = b.apply("sub", (row, y), Sub())
    y = b.apply("maximum", (y, constant(3, 1, 1)), Maximum())
    y = b.apply("minimum", (b.constant(np.array(90, np.int8)), y), Minimum())
    y = b.apply("prelu", (y, constant(1, 4, 5)), Prelu())
    y = b.apply("squared_difference", (y, y), SquaredDifference(), Quant((4.0,), (-128,)))
    z = b.apply("add", (five, y), Add())
    z = b.apply("mul", (z, constant(2, 2, 1, 4, 1)), Mul())
    return b.graph(b.apply("logistic", (z,), Logistic(), Quant((1 / 256,), (-128,))), y)


def test_generated_code_broadcasts(tmp_path: Path) -> None:
    graph = broadcasts()
    plan = plans.plan(graph, plans.HOST)
    validate(graph, plan, plans.HOST)
    model = host_model.build(emit(graph, plan, plans.HOST), graph, tmp_path, optimize="-O2")
    rng = np.random.default_rng(4)
    inputs = [[rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs] for _ in range(9)]
    for values, output in zip(inputs, model.run(inputs), strict=True):
        assert output == b"".join(result.tobytes() for result in reference.run(graph, values))


def test_a_model_of_broadcasts_survives_the_file() -> None:
    graph = broadcasts()
    again = parse(tflite.dump(graph), "again")
    assert [op.kind for op in again.ops] == [op.kind for op in graph.ops]
    rng = np.random.default_rng(5)
    values = [rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs]
    for before, after in zip(reference.run(graph, values), reference.run(again, values), strict=True):
        np.testing.assert_array_equal(before, after)


@given(data=st.data())
def test_a_product_with_itself_may_overwrite_it(data: st.DataObject) -> None:
    """Every element is read twice before it is written."""
    shape: Shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
    b = GraphBuilder()
    x = b.input(shape)
    graph = b.graph(b.apply("mul", (x, x), Mul()))
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-128, 128, shape).astype(np.int8)
    (expected,) = reference.run(graph, (values,))
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (values,)), expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (values,), in_place=0), expected)
    np.testing.assert_array_equal(tflm(graph, (values,)).reshape(shape), expected)


def test_the_memory_plan_overwrites_the_operand_of_the_output_s_shape() -> None:
    b = GraphBuilder()
    small = b.conv2d(b.input((1, 6, 6, 2)), kernel=(6, 6))
    large = b.conv2d(b.input((1, 6, 6, 2)), kernel=(3, 3))
    out = b.apply("mul", (small, large), Mul())
    graph = b.graph(b.conv2d(out))
    storages = {s.tensor: s for s in plans.plan(graph).storages}
    assert storages[out].offsets == storages[large].offsets != storages[small].offsets
