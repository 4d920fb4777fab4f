"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ZERO_POINTS, Case, float32, single

from edgekit_codegen.ir import DType, Op, Quant, Shape, Tensor
from edgekit_codegen.ops.attributes import BatchMatmul, LogSoftmax, PartialSums, RequantizeSums, Softmax

from .drawing import quant, quants, shapes, unary, values

SOFTMAX_OUT = Quant((1.0 / 256.0,), (-128,))
LOG_SOFTMAX_OUT = Quant((1.0 / 16.0,), (127,))


@st.composite
def softmax(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 40)).filter(lambda s: np.prod(s) < 2000))
    beta = float32(draw(st.one_of(st.just(1.0), st.floats(0.01, 16.0))))
    scale = 2.0 ** draw(st.floats(-14.0, 8.0))
    graph = unary("softmax", Softmax(beta), shape, shape, quant(scale, draw(ZERO_POINTS)), SOFTMAX_OUT)
    return Case(graph, (draw(values(shape)),))


@st.composite
def log_softmax(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 40)).filter(lambda s: np.prod(s) < 2000))
    scale = 2.0 ** draw(st.floats(-14.0, 8.0))
    graph = unary("log_softmax", LogSoftmax(), shape, shape, quant(scale, draw(ZERO_POINTS)), LOG_SOFTMAX_OUT)
    return Case(graph, (draw(values(shape)),))


@st.composite
def batch_matmul(draw: st.DrawFn, plain: bool = False) -> Case:
    """Two activations, or one and a constant, of ranks 2 to 5 that broadcast."""
    rank = draw(st.integers(0, 3))
    leading = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    rows, depth, columns = (draw(st.integers(1, 9)) for _ in range(3))
    attrs = BatchMatmul(draw(st.booleans()), draw(st.booleans()))
    a = (*draw(broadcast(leading)), *((depth, rows) if attrs.adj_x else (rows, depth)))
    b = (*draw(broadcast(leading)), *((columns, depth) if attrs.adj_y else (depth, columns)))
    out = (*np.broadcast_shapes(a[:-2], b[:-2]), rows, columns)
    shapes = {0: a, 1: b, 2: out}
    tensors = {i: Tensor(i, "abo"[i], shape, DType.INT8, draw(quants())) for i, shape in shapes.items()}
    given = {i: draw(values(shapes[i])) for i in (0, 1)}
    constant = draw(st.sampled_from([None, None, 0, 1]))
    if constant is not None:
        tensors[constant] = replace(tensors[constant], data=given.pop(constant))
    op = Op("batch_matmul", (0, 1), (2,), attrs, (0,))
    return Case(single(op, tensors, tuple(given), 2), tuple(given.values()))


@st.composite
def broadcast(draw: st.DrawFn, leading: Shape) -> Shape:
    """Some of the dimensions 1, some at the front absent."""
    return tuple(n if draw(st.booleans()) else 1 for n in leading[draw(st.integers(0, len(leading))) :])


@st.composite
def partial_sums(draw: st.DrawFn, plain: bool = False) -> Case:
    """Begun with one pixel's sums, or added to those of all pixels; near the ends of int32, too."""
    rows, pixels, depth, channels = (draw(st.integers(1, n)) for n in (4, 5, 19, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape, begins = (1, rows, pixels, channels), draw(st.booleans())
    top = draw(st.sampled_from([1 << 16, 1 << 31]))
    sums = rng.integers(-top, top, (1, 1, 1, channels) if begins else shape).astype(np.int32)
    weights = conv_graphs.int8_values(rng, (channels, 1, 1, depth))
    tensors = {
        0: Tensor(0, "sums", sums.shape, DType.INT32, data=sums if begins else None),
        1: Tensor(1, "x", (1, rows, pixels, depth), DType.INT8, draw(quants())),
        2: Tensor(2, "weights", weights.shape, DType.INT8, conv_graphs.weight_quant(draw, rng, channels, 0), weights),
        3: Tensor(3, "out", shape, DType.INT32),
    }
    x = conv_graphs.int8_values(rng, tensors[1].shape)
    graph = single(Op("partial_sums", (0, 1, 2), (3,), PartialSums(), (0,)), tensors, (1,) if begins else (0, 1), 3)
    return Case(graph, (x,) if begins else (sums, x))  # type: ignore[arg-type]


@st.composite
def requantize_sums(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = (1, *(draw(st.integers(1, n)) for n in (4, 5, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    exponents = rng.uniform(-20.0, -2.0, shape[3] if shape[3] > 1 and draw(st.booleans()) else 1)
    scales = Quant(tuple(float32(2.0**e) for e in exponents), (0,) * len(exponents), 3 if len(exponents) > 1 else 0)
    top = draw(st.sampled_from([1 << 12, 1 << 20, 1 << 31]))
    sums = rng.integers(-top, top, shape).astype(np.int32)
    tensors = {
        0: Tensor(0, "sums", shape, DType.INT32, scales),
        1: Tensor(1, "out", shape, DType.INT8, draw(quants())),
    }
    op = Op("requantize_sums", (0,), (1,), RequantizeSums(draw(conv_graphs.ACTIVATIONS)), (0,))
    return Case(single(op, tensors, (0,), 1), (sums,))  # type: ignore[arg-type]


def fully_connected(plain: bool = False) -> st.SearchStrategy[Case]:
    return conv_graphs.fully_connected(images=True)


CASES = {
    "batch_matmul": batch_matmul,
    "fully_connected": fully_connected,
    "log_softmax": log_softmax,
    "partial_sums": partial_sums,
    "requantize_sums": requantize_sums,
    "softmax": softmax,
}
