"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ZERO_POINTS, Case, float32, single

from edgekit_codegen.ir import DType, Op, Quant, Shape, Tensor
from edgekit_codegen.ops.attributes import BatchMatmul, LogSoftmax, Softmax

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


def fully_connected(plain: bool = False) -> st.SearchStrategy[Case]:
    return conv_graphs.fully_connected(images=True)


CASES = {
    "batch_matmul": batch_matmul,
    "fully_connected": fully_connected,
    "log_softmax": log_softmax,
    "softmax": softmax,
}
