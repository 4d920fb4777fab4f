"""Edges of the operators that pool, reduce, move and rescale: whole ranges, ties, saturation, special values."""

from __future__ import annotations

import ctypes
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conformance.cases.drawing import quant, unary
from conformance.cases.products import SOFTMAX_OUT
from conformance.oracle import tflm
from support import kernel_runner
from support.kernel_runner import compute

from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, DType, Graph
from edgekit_codegen.ops.attributes import Dequantize, Mean, Padding, Pool2D, Quantize, Relu, Softmax
from edgekit_codegen.reference.softmax import (
    EXP_MINUS_EIGHTH,
    EXP_OF_POWERS,
    RECIPROCAL_SLOPE,
    RECIPROCAL_START,
    THIRD,
    exponential,
    reciprocal,
)

ALL_INT8 = np.arange(-128, 128).astype(np.int8)
WIDE_FACTORS = [2.0**-33, 2.0**-31, 2.0**-9, 1.0, 2.0**22, 2.0**24, 2.0**29]


def softmax_of(shape: tuple[int, ...], scale: float, beta: float = 1.0) -> Graph:
    return unary("softmax", Softmax(beta), shape, shape, quant(scale, 0), SOFTMAX_OUT)


@pytest.mark.parametrize("beta", [1.0, 0.5, 3.0])
@pytest.mark.parametrize("scale", [2.0**-24, 0.001, 0.0146, 0.125, 0.17, 1.0, 3.3, 15.9, 31.9, 32.0, 64.0])
def test_softmax_over_every_difference(scale: float, beta: float) -> None:
    """From 0 to -255 below the maximum, alone and with a third class that moves the sum."""
    for others in (1, 3, 17):
        graph = softmax_of((256, 2 + others), scale, beta)
        x = np.full((256, 2 + others), 127, np.int8)
        x[:, 1] = ALL_INT8
        x[:, 2:] = (ALL_INT8[:, None].astype(int) * 7 + np.arange(others) * 31).astype(np.int8)
        expected = tflm(graph, (x,))
        np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


@pytest.mark.parametrize("classes", [511, 512, 1023, 1024, 4095])
def test_softmax_of_many_equal_classes_has_no_probability_left(classes: int) -> None:
    """The sum's bits run out of the shift; TensorFlow Lite Micro aborts from 512 on."""
    graph = softmax_of((1, classes), 0.1)
    x = np.full((1, classes), 5, np.int8)
    (expected,) = reference.run(graph, (x,))
    assert (expected == (-127 if classes < 512 else -128)).all()
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


def test_softmax_of_many_classes_finds_the_one_that_stands_out() -> None:
    graph = softmax_of((1, 1000), 0.2)
    x = np.full((1, 1000), -128, np.int8)
    x[0, 321] = 127
    (expected,) = reference.run(graph, (x,))
    assert expected[0, 321] == 127 and (np.delete(expected, 321) == -128).all()
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


def test_fixed_point_functions_approximate_the_real_ones() -> None:
    x = np.concatenate([np.arange(-(1 << 27), 0, 9973), np.arange(-(31 << 26), 0, 999983), [-1, 0]]).astype(np.int64)
    np.testing.assert_allclose(exponential(x) / 2.0**31, np.exp(x / 2.0**26), rtol=0, atol=2.0**-22)
    y = np.arange(0, 1 << 31, 1000003).astype(np.int64)
    np.testing.assert_allclose(reciprocal(y) / 2.0**31, 1.0 / (1.0 + y / 2.0**31), rtol=0, atol=2.0**-26)


def test_constants_of_the_exponential_are_the_nearest_numbers() -> None:
    assert {n: round(math.exp(-(2.0**n)) * 2**31) for n in range(-2, 5)} == EXP_OF_POWERS
    assert round(math.exp(-1 / 8) * 2**31) == EXP_MINUS_EIGHTH and round(2**31 / 3) == THIRD
    assert round(48 / 17 * 2**29) == RECIPROCAL_START and round(-32 / 17 * 2**29) == RECIPROCAL_SLOPE


def test_fixed_point_functions_are_the_reference_to_the_bit(tmp_path: Path) -> None:
    """Eight bits of a probability hide the last bits of what goes into it."""
    source, library = tmp_path / "softmax.c", tmp_path / "softmax.so"
    functions = {"ek_exp_of_negative": exponential, "ek_reciprocal_of_one_plus": reciprocal}
    lines = ['#include "softmax.h"']
    for name in functions:
        lines += [f"int32_t call_{name}(int32_t x);", f"int32_t call_{name}(int32_t x) {{ return {name}(x); }}"]
    source.write_text("\n".join(lines) + "\n")
    include = f"-I{kernel_runner.HEADERS / 'kernels'}"
    command = [*kernel_runner.compiler(), *kernel_runner.FLAGS, *kernel_runner.SANITIZE, include]
    subprocess.run([*command, str(source), "-o", str(library)], check=True)
    loaded, rng = ctypes.CDLL(str(library)), np.random.default_rng(5)
    for name, function in functions.items():
        call = getattr(loaded, f"call_{name}")
        call.argtypes, call.restype = [ctypes.c_int32], ctypes.c_int32
        x = np.concatenate([[0, 1, 2, (1 << 31) - 1], rng.integers(0, 1 << 31, 5000), 1 << np.arange(31)])
        if function is exponential:
            x = -np.minimum(x, 31 << 26)
        np.testing.assert_array_equal([call(int(v)) for v in x], function(x.astype(np.int64)))


def test_average_pool_rounds_halves_away_from_zero() -> None:
    both = quant(0.25, 3)
    graph = unary("average_pool2d", Pool2D((1, 2), (1, 2)), (1, 1, 8, 1), (1, 1, 4, 1), both, both)
    x = np.array([1, 2, -1, -2, 127, 126, -128, -127], np.int8).reshape(1, 1, 8, 1)
    expected = np.array([2, -2, 127, -128], np.int8)
    for result in (reference.run(graph, (x,))[0], compute(graph, graph.ops[0], (x,)), tflm(graph, (x,))):
        np.testing.assert_array_equal(result.reshape(-1), expected)


def test_average_pool_divides_by_the_elements_inside_the_image() -> None:
    """3x3 with padding 1 over a constant image: corners see 4 elements, edges 6, all give the constant."""
    both = quant(0.25, -128)
    graph = unary("average_pool2d", Pool2D((3, 3), (1, 1), Padding(1, 1, 1, 1)), (1, 4, 5, 3), (1, 4, 5, 3), both, both)
    for value in (-128, -7, 0, 9, 127):
        x = np.full((1, 4, 5, 3), value, np.int8)
        for result in (reference.run(graph, (x,))[0], compute(graph, graph.ops[0], (x,)), tflm(graph, (x,))):
            np.testing.assert_array_equal(result, x)


def test_max_pool_never_takes_the_padding() -> None:
    both = quant(0.25, 0)
    graph = unary("max_pool2d", Pool2D((3, 3), (1, 1), Padding(1, 1, 1, 1)), (1, 3, 3, 2), (1, 3, 3, 2), both, both)
    x = np.full((1, 3, 3, 2), -100, np.int8)
    for result in (reference.run(graph, (x,))[0], compute(graph, graph.ops[0], (x,)), tflm(graph, (x,))):
        np.testing.assert_array_equal(result, x)


@pytest.mark.parametrize("keep_dims", [False, True])
@pytest.mark.parametrize(
    "axes", [(), (0,), (1,), (2,), (3,), (1, 2), (2, 3), (1, 3), (0, 1, 2), (1, 2, 3), (0, 1, 2, 3)]
)
@pytest.mark.parametrize("ratio", [1.0, 0.37, 2.9])
def test_mean_over_every_combination_of_dimensions(axes: tuple[int, ...], keep_dims: bool, ratio: float) -> None:
    shape = (1, 5, 7, 11)
    out = tuple(1 if i in axes else d for i, d in enumerate(shape) if keep_dims or i not in axes)
    graph = unary("mean", Mean(axes, keep_dims), shape, out, quant(0.1 * ratio, 6), quant(0.1, -9))
    rng = np.random.default_rng(len(axes))
    for x in (
        rng.integers(-128, 128, shape).astype(np.int8),
        np.full(shape, -128, np.int8),
        np.full(shape, 127, np.int8),
    ):
        (result,) = reference.run(graph, (x,))
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), result)
        np.testing.assert_array_equal(result.reshape(-1), tflm(graph, (x,)).reshape(-1))


@pytest.mark.parametrize("factor", WIDE_FACTORS)
@pytest.mark.parametrize("count", [1, 2, 3, 65, 4096])
def test_mean_with_extreme_scales(factor: float, count: int) -> None:
    """The multiplier's bits and the count's meet: the shift is limited, left shifts wrap."""
    graph = unary("mean", Mean((1,), False), (2, count, 3), (2, 3), quant(factor, 1), quant(1.0, -3))
    rng = np.random.default_rng(count)
    x = rng.integers(-128, 128, (2, count, 3)).astype(np.int8)
    expected = tflm(graph, (x,))
    np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


@pytest.mark.parametrize("factor", WIDE_FACTORS)
@pytest.mark.parametrize("zero_points", [(-128, 127), (127, -128), (0, 0)])
@pytest.mark.parametrize("kind", ["quantize", "relu"])
def test_rescaling_every_value_with_extreme_scales(kind: str, factor: float, zero_points: tuple[int, int]) -> None:
    attrs = Quantize() if kind == "quantize" else Relu(Activation.RELU)
    graph = unary(kind, attrs, (256,), (256,), quant(factor, zero_points[0]), quant(1.0, zero_points[1]))
    expected = tflm(graph, (ALL_INT8,))
    np.testing.assert_array_equal(reference.run(graph, (ALL_INT8,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), expected)


@pytest.mark.parametrize("kind", ["quantize", "relu", "mean"])
def test_scales_are_divided_in_double_precision(kind: str) -> None:
    """The ratio is 2^-24 below 1.5: in single precision it would be 1.5 and odd values ties."""
    attrs = {"quantize": Quantize(), "relu": Relu(Activation.RELU), "mean": Mean((), True)}[kind]
    graph = unary(kind, attrs, (256,), (256,), quant(1.5 + 2.0**-23, 0), quant(1.0 + 2.0**-23, 0))
    expected = tflm(graph, (ALL_INT8,))
    assert expected[128 + 1] == 1
    np.testing.assert_array_equal(reference.run(graph, (ALL_INT8,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), expected)


@pytest.mark.parametrize("kind", ["relu", "max_pool2d", "average_pool2d"])
def test_bounds_of_a_clamp_are_divided_in_single_precision(kind: str) -> None:
    """Scales for which 6 / scale is a tie in single precision and just below it in double."""
    steps = [n + 0.5 for n in range(1, 200)]
    candidates = [(float(np.float32(6.0) / np.float32(n)), n) for n in steps]
    ties = [s for s, n in candidates if float(np.float32(6.0) / np.float32(s)) == n and 6.0 / s < n]
    assert len(ties) > 10
    attrs = Relu(Activation.RELU6) if kind == "relu" else Pool2D((1, 1), activation=Activation.RELU6)
    for scale in ties[::4]:
        both = quant(scale, -100)
        graph = unary(kind, attrs, (1, 16, 16, 1), (1, 16, 16, 1), both, both)
        x = ALL_INT8.reshape(1, 16, 16, 1)
        expected = tflm(graph, (x,))
        np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


def test_quantize_of_special_values() -> None:
    """Infinities and what int32 cannot hold saturate, NaN is zero; TensorFlow Lite Micro leaves them open."""
    graph = unary("quantize", Quantize(), (8,), (8,), None, quant(0.5, 10), x_dtype=DType.FLOAT32)
    x = np.array([np.inf, -np.inf, np.nan, 3.0e38, -3.0e38, 1.0e-45, -0.0, 0.25], np.float32)
    expected = np.array([127, -128, 10, 127, -128, 10, 10, 11], np.int8)
    np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize("scale", [1.0 / 255.0, 0.007839307188987732, 1.0, 117.3])
def test_quantize_around_every_tie(zero_point: int, scale: float) -> None:
    ties = (np.arange(-400, 401) * np.float32(0.5) * np.float32(scale)).astype(np.float32)
    x = np.concatenate([np.nextafter(ties, np.float32(-np.inf)), ties, np.nextafter(ties, np.float32(np.inf))])
    graph = unary("quantize", Quantize(), x.shape, x.shape, None, quant(scale, zero_point), x_dtype=DType.FLOAT32)
    expected = tflm(graph, (x,))
    np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)


def test_quantize_of_floats_may_begin_where_its_input_begins() -> None:
    """The record says in place: byte i is written after float i is read, and all of floats 0 .. i/4 were."""
    shape = (1, 1, 9, 5)
    graph = unary("quantize", Quantize(), shape, shape, None, quant(0.02, -4), x_dtype=DType.FLOAT32)
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    (expected,) = reference.run(graph, (x,))
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,), cuts=(4,), in_place=0), expected)


@pytest.mark.parametrize("scale", [2.0**-140, 1.0e-38, 0.1, 0.1468784660100937, 3.0e36])
@pytest.mark.parametrize("zero_point", [-128, 1, 127])
def test_dequantize_of_every_value(scale: float, zero_point: int) -> None:
    graph = unary("dequantize", Dequantize(), (256,), (256,), quant(scale, zero_point), None, out_dtype=DType.FLOAT32)
    (result,) = reference.run(graph, (ALL_INT8,))
    np.testing.assert_array_equal(result, tflm(graph, (ALL_INT8,)))
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), result)


@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [(Activation.RELU, 0.0, np.inf), (Activation.RELU6, 0.0, 6.0), (Activation.RELU_N1_TO_1, -1.0, 1.0)],
)
@pytest.mark.parametrize(("x_quant", "out_quant"), [((0.125, 5), (0.125, 5)), ((0.125, 5), (0.0625, -100))])
def test_relu_clamps_real_values(
    activation: Activation, low: float, high: float, x_quant: tuple[float, int], out_quant: tuple[float, int]
) -> None:
    """With scales that are powers of two nothing rounds, so that the real clamp is exact."""
    graph = unary("relu", Relu(activation), (256,), (256,), quant(*x_quant), quant(*out_quant))
    real = np.clip((ALL_INT8.astype(float) - x_quant[1]) * x_quant[0], low, high)
    expected = np.clip(real / out_quant[0] + out_quant[1], -128, 127).astype(np.int8)
    np.testing.assert_array_equal(reference.run(graph, (ALL_INT8,))[0], expected)
    np.testing.assert_array_equal(compute(graph, graph.ops[0], (ALL_INT8,)), expected)
