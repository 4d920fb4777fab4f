"""What reductions refuse, and how their errors read; rank 5, in every combination of dimensions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from conformance.cases.drawing import quant, unary
from conformance.oracle import tflm
from support.kernel_runner import compute

from edgekit_codegen import reference
from edgekit_codegen.errors import CodegenError, IllegalGraph, UnsupportedModel
from edgekit_codegen.ir import Attrs, DType, Graph, Quant, Shape
from edgekit_codegen.ops.attributes import ArgMax, ArgMin, Mean, ReduceMax, ReduceMin, Reduction, Sum

SCALED = {"mean": Mean, "sum": Sum}
CHOSEN = {"reduce_max": ReduceMax, "reduce_min": ReduceMin}
INDEXED = {"arg_max": ArgMax, "arg_min": ArgMin}
SAME = quant(0.25, 3)


def kept(shape: Shape, axes: tuple[int, ...], keep: bool) -> Shape:
    return tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)


@pytest.mark.parametrize("kind", [*SCALED, *CHOSEN])
def test_every_combination_of_five_dimensions(kind: str) -> None:
    shape = (2, 3, 2, 4, 3)
    x = np.random.default_rng(5).integers(-128, 128, shape).astype(np.int8)
    attrs: type[Reduction] = {**SCALED, **CHOSEN}[kind]
    for count in range(1, 6):
        for axes in combinations(range(5), count):
            for keep in (False, True):
                graph = unary(kind, attrs(axes, keep), shape, kept(shape, axes, keep), SAME, SAME)
                (result,) = reference.run(graph, (x,))
                np.testing.assert_array_equal(result, tflm(graph, (x,)).reshape(result.shape), err_msg=f"{axes}")
                np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), result, err_msg=f"{axes}")


@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize("zero", [-128, 0, 127])
@pytest.mark.parametrize("ratio", [1.0, 1.0 - 2.0**-24, 3.0, 2.0**-20, 2.0**20])
def test_long_sums_saturate_or_wrap_as_in_tflm(value: int, zero: int, ratio: float) -> None:
    shape, x = (70000, 2), np.full((70000, 2), value, np.int8)
    graph = unary("sum", Sum((0,), False), shape, (2,), quant(ratio, zero), quant(1.0, 7))
    (result,) = reference.run(graph, (x,))
    np.testing.assert_array_equal(result, tflm(graph, (x,)))
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), result)


def refuse(
    kind: str,
    attrs: Attrs,
    shape: Shape = (2, 3),
    out: Shape = (2,),
    out_quant: Quant | None = SAME,
    out_dtype: DType = DType.INT8,
) -> CodegenError:
    with pytest.raises(CodegenError) as caught:
        unary(kind, attrs, shape, out, SAME, out_quant, out_dtype=out_dtype)
    assert f"{kind} (operator 0)" in caught.value.message
    return caught.value


@pytest.mark.parametrize("kind", CHOSEN)
@pytest.mark.parametrize(
    "other", [Quant((float(np.nextafter(np.float32(0.25), np.float32(1))),), (3,)), quant(0.25, 4)]
)
def test_extremes_keep_their_quantization_to_the_last_bit(kind: str, other: Quant) -> None:
    error = refuse(kind, CHOSEN[kind]((1,), False), out_quant=other)
    assert isinstance(error, UnsupportedModel)
    assert "QUANTIZE" in error.hint


@pytest.mark.parametrize("kind", INDEXED)
def test_indices_are_int32(kind: str) -> None:
    error = refuse(kind, INDEXED[kind](1), out_quant=None, out_dtype=DType.INT64)
    assert isinstance(error, UnsupportedModel)
    assert "output_type int32" in error.hint


@pytest.mark.parametrize("kind", SCALED)
def test_sums_that_do_not_fit_32_bits_are_refused(kind: str) -> None:
    assert "two steps" in refuse(kind, SCALED[kind]((0, 1), False), (1 << 12, (1 << 11) + 1), ()).hint


@pytest.mark.parametrize("kind", [*SCALED, *CHOSEN])
def test_six_dimensions_are_refused(kind: str) -> None:
    attrs = {**SCALED, **CHOSEN}[kind]((5,), False)
    assert "at most 5" in refuse(kind, attrs, (1, 1, 1, 2, 2, 3), (1, 1, 1, 2, 2)).message


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("axis", [-1, 2])
def test_an_axis_that_is_no_dimension_is_illegal(kind: str, axis: int) -> None:
    error = refuse(kind, INDEXED[kind](axis), out=(2, 3), out_quant=None, out_dtype=DType.INT32)
    assert isinstance(error, IllegalGraph)


def test_the_first_of_equals_counts() -> None:
    x = np.array([[5, 9, 9, 5], [-128, -128, -128, -128]], np.int8)
    for kind, expected in (("arg_max", [1, 0]), ("arg_min", [0, 0])):
        graph: Graph = unary(kind, INDEXED[kind](1), (2, 4), (2,), SAME, None, out_dtype=DType.INT32)
        (result,) = reference.run(graph, (x,))
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)
