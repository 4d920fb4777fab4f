"""Accumulators near a tie, where the last bit of a multiplier decides, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from edgekit_codegen import reference
from edgekit_codegen.ir import DType, Graph, Op, Quant, Tensor
from edgekit_codegen.ops.attributes import BatchMatmul, Conv2D, FullyConnected
from edgekit_codegen.reference.arithmetic import quantize_multiplier, requantize_to_int8

from .oracle import tflm

Accumulators = npt.NDArray[np.int64]


def rounded(accumulators: Accumulators, factor: float) -> npt.NDArray[np.int8]:
    return requantize_to_int8(accumulators, *quantize_multiplier(factor), 0, (-128, 127))


def undecided(x: float, weights: float, out: float) -> Accumulators:
    """Accumulators whose result depends on whether scales are multiplied in single or in double precision."""
    single = float(np.float32(x) * np.float32(weights)) / out
    ties = np.rint((np.arange(-126, 126) + 0.5) / single).astype(np.int64)
    near = np.unique(ties[:, None] + np.arange(-2, 3))
    return near[rounded(near, single) != rounded(near, x * weights / out)]


def draw(seed: int, most: int) -> tuple[float, float, float, Accumulators]:
    """Scales of x, weights and output, and undecided accumulators of at most `most`."""
    rng = np.random.default_rng(seed)
    while True:
        x, weights, out = (float(np.float32(10.0 ** rng.uniform(*r))) for r in ((-3, 0), (-4, -1), (-2, 0.5)))
        near = undecided(x, weights, out)
        near = near[np.abs(near) <= most]
        if near.size:
            return x, weights, out, near


def assert_equal_to_tflm(op: Op, tensors: dict[int, Tensor]) -> None:
    graph = Graph("layer", tensors, (op,), (0,), op.outputs)
    value = tensors[0].data if tensors[0].data is not None else np.zeros(tensors[0].shape, np.int8)
    graph = graph.with_ops(graph.ops, {**tensors, 0: replace(tensors[0], data=None)})
    assert np.array_equal(reference.run(graph, [value])[0], tflm(graph, [value]))


@pytest.mark.parametrize("kind", ["fully_connected", "conv2d"])
@pytest.mark.parametrize("seed", range(12))
def test_the_scales_of_x_and_weights_are_multiplied_in_double_precision(kind: str, seed: int) -> None:
    """The biases are the accumulators: the weights are all zero."""
    x, weights, out, near = draw(seed, 1 << 31)
    n = len(near)
    pixel, attrs = ((1, 1), Conv2D()) if kind == "conv2d" else ((), FullyConnected())
    zeros = np.zeros((n, *pixel, 4), np.int8)
    tensors = {
        0: Tensor(0, "x", (1, *pixel, 4), DType.INT8, Quant((x,), (0,))),
        1: Tensor(1, "w", zeros.shape, DType.INT8, Quant((weights,), (0,)), zeros),
        2: Tensor(2, "b", (n,), DType.INT32, Quant((float(np.float32(x * weights)),), (0,)), near.astype(np.int32)),
        3: Tensor(3, "out", (1, *pixel, n), DType.INT8, Quant((out,), (0,))),
    }
    assert_equal_to_tflm(Op(kind, (0, 1, 2), (3,), attrs, (0,)), tensors)


@pytest.mark.parametrize("seed", range(12))
def test_the_scales_of_two_matrices_are_multiplied_in_double_precision(seed: int) -> None:
    """One column of 127s and a 1 at its end, so that a row's digits are its accumulator in base 127."""
    depth = 400
    x, y, out, near = draw(seed, 127 * 127 * (depth - 1))
    column = np.full((1, depth, 1), 127, np.int8)
    column[0, -1] = 1
    rows = np.zeros((1, len(near), depth), np.int8)
    quotient, rest = np.divmod(np.abs(near), 127)
    for k in range(depth - 1):
        digit = np.minimum(quotient, 127)
        rows[0, :, k] = np.sign(near) * digit
        quotient = quotient - digit
    rows[0, :, -1] = np.sign(near) * rest
    assert np.array_equal((rows.astype(np.int64) @ column.astype(np.int64)).ravel(), near)
    tensors = {
        0: Tensor(0, "x", rows.shape, DType.INT8, Quant((x,), (0,)), rows),
        1: Tensor(1, "y", column.shape, DType.INT8, Quant((y,), (0,)), column),
        2: Tensor(2, "out", (1, len(near), 1), DType.INT8, Quant((out,), (0,))),
    }
    assert_equal_to_tflm(Op("batch_matmul", (0, 1), (2,), BatchMatmul(), (0,)), tensors)
