"""Borders, paddings, overflow and sharing of convolutions, fully connected layers and additions."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from conformance.oracle import tflm
from hypothesis import given
from support import conv_graphs
from support.conv_graphs import Case
from support.kernel_runner import compute

from edgekit_codegen import reference
from edgekit_codegen.ir import DType, Graph, Op, Quant, Tensor
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Add, Conv2D, Pad, Padding


@pytest.mark.parametrize("kind", ["conv2d", "depthwise_conv2d"])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_every_border(kind: str, dilation: int) -> None:
    """All small rows, windows, strides and paddings, so that each way of leaving the row on either side occurs."""
    rng = np.random.default_rng(dilation)
    for width, taps, stride, left, right in product(range(1, 7), range(1, 5), range(1, 4), range(4), range(3)):
        span = (taps - 1) * dilation + 1
        if width + left + right < span:
            continue
        padding = Padding(left=left, right=right)
        geometry = conv_graphs.Geometry((1, width), (1, taps), (1, stride), (1, dilation), padding)
        case = conv_graphs.border(kind, geometry, rng)
        (result,) = reference.run(case.graph, case.inputs)
        np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs), result, err_msg=str(geometry))


@given(conv_graphs.conv2d(("explicit",)))
def test_explicit_padding_is_pad_then_valid(case: Case) -> None:
    x, attrs = case.graph.operand(case.op, 0), case.op.attrs
    assert isinstance(attrs, Conv2D)
    p = attrs.padding
    shape = (x.shape[0], x.shape[1] + p.top + p.bottom, x.shape[2] + p.left + p.right, x.shape[3])
    padded = Tensor(9, "padded", shape, DType.INT8, x.quant)
    ops = (
        Op("pad", (0,), (9,), Pad(((0, 0), (p.top, p.bottom), (p.left, p.right), (0, 0)))),
        replace(case.op, inputs=(9, *case.op.inputs[1:]), attrs=replace(attrs, padding=Padding())),
    )
    graph = case.graph.with_ops(ops, {**case.graph.tensors, 9: padded})
    np.testing.assert_array_equal(reference.run(graph, case.inputs)[0], reference.run(case.graph, case.inputs)[0])


def test_add_may_overwrite_either_operand() -> None:
    """The record says in place; the kernel must read each element before it writes it."""
    quant = Quant((0.5,), (3,))
    tensors = {i: Tensor(i, n, (1, 2, 3, 5), DType.INT8, quant) for i, n in enumerate("abo")}
    graph = conv_graphs.single(Op("add", (0, 1), (2,), Add()), tensors, (0, 1), 2)
    rng = np.random.default_rng(1)
    a, b = (conv_graphs.int8_values(rng, (1, 2, 3, 5)) for _ in "ab")
    (expected,) = reference.run(graph, (a, b))
    for position in (0, 1):
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (a, b), in_place=position), expected)


def layer(kind: str, bias: npt.NDArray[np.int32], weight_scale: float, out_zero: int) -> Graph:
    """One layer of two inputs (one per output where depthwise) with weights of 127."""
    n = len(bias)
    ranks = {"conv2d": (1, 1), "depthwise_conv2d": (1, 1), "fully_connected": ()}[kind]
    size = n if kind == "depthwise_conv2d" else 2
    shape = {"conv2d": (n, 1, 1, 2), "depthwise_conv2d": (1, 1, 1, n), "fully_connected": (n, 2)}[kind]
    quant = Quant((weight_scale,), (0,))
    tensors = {
        0: Tensor(0, "x", (1, *ranks, size), DType.INT8, Quant((1.0,), (0,))),
        1: Tensor(1, "weights", shape, DType.INT8, quant, np.full(shape, 127, np.int8)),
        2: Tensor(2, "bias", (n,), DType.INT32, quant, bias),
        3: Tensor(3, "out", (1, *ranks, n), DType.INT8, Quant((1.0,), (out_zero,))),
    }
    op = Op(kind, (0, 1, 2), (3,), TABLE[kind].attrs(), (0,))
    return conv_graphs.single(op, tensors, (0,), 3)


@pytest.mark.parametrize("kind", ["conv2d", "depthwise_conv2d", "fully_connected"])
@pytest.mark.parametrize("weight_scale", [1.0 - 2.0**-24, 1.0, 2.0, 1024.0, 2.0**29])
@pytest.mark.parametrize("out_zero", [-128, 1, 127])
def test_overflow_wraps_as_in_tflm(kind: str, weight_scale: float, out_zero: int) -> None:
    """Accumulators, left shifts and the output's zero point: all modulo 2^32 in reference, kernel and TFLM alike."""
    top = (1 << 31) - 1
    bias = np.array([top, -top - 1, top - 2, 5 - top, 1 << 30, -(1 << 30), (1 << 22) + 1, 12345], np.int32)
    graph = layer(kind, bias, weight_scale, out_zero)
    for value in (0, 127, -128):
        x = np.full(graph.tensors[0].shape, value, np.int8)
        expected = tflm(graph, (x,))
        np.testing.assert_array_equal(reference.run(graph, (x,))[0], expected)
        np.testing.assert_array_equal(compute(graph, graph.ops[0], (x,)), expected)
