"""What moves elements without changing them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import Case

from edgekit_codegen.ir import Attrs, DType, Op, Quant, Shape, Tensor
from edgekit_codegen.ops.attributes import (
    Concatenation,
    Gather,
    MirrorPad,
    Pad,
    Pair,
    Reshape,
    StridedSlice,
    Tile,
    Transpose,
)

from .drawing import quants, unary, values

SIZES = st.sampled_from([1, 1, 2, 3, 4, 5, 7])


@st.composite
def any_rank(draw: st.DrawFn, most: int = 5, sizes: st.SearchStrategy[int] = SIZES) -> Shape:
    """Rank 1 to `most`, at most a few thousand elements."""
    return draw(st.lists(sizes, min_size=1, max_size=most).map(tuple).filter(lambda s: math.prod(s) <= 2000))


def moved(draw: st.DrawFn, kind: str, attrs: Attrs, x_shape: Shape, out_shape: Shape) -> Case:
    """One operator with one input and one quantization."""
    both = draw(quants())
    return Case(unary(kind, attrs, x_shape, out_shape, both, both), (draw(values(x_shape)),))


@st.composite
def pad(draw: st.DrawFn, plain: bool = False) -> Case:
    """At most one dimension before the last two is padded."""
    shape = draw(any_rank())
    chosen = draw(st.integers(0, len(shape) - 1))
    some = st.integers(0, 3)
    amounts: tuple[Pair, ...] = tuple(
        (draw(some), draw(some)) if i in (chosen, len(shape) - 2, len(shape) - 1) else (0, 0) for i in range(len(shape))
    )
    if chosen < len(shape) - 2:
        amounts = tuple(p if i == chosen or i >= len(shape) - 2 else (0, 0) for i, p in enumerate(amounts))
    out = tuple(before + d + after for d, (before, after) in zip(shape, amounts, strict=True))
    value = draw(st.one_of(st.none(), st.integers(-128, 127)))
    return moved(draw, "pad", Pad(amounts, value), shape, out)


@st.composite
def mirror_pad(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, symmetric = draw(any_rank(5 if plain else 6, st.integers(1, 4))), draw(st.booleans())
    limits = [min(d - (not symmetric), 3) for d in shape]
    amounts = tuple((draw(st.integers(0, n)), draw(st.integers(0, n))) for n in limits)
    out = tuple(before + d + after for d, (before, after) in zip(shape, amounts, strict=True))
    return moved(draw, "mirror_pad", MirrorPad(amounts, symmetric), shape, out)


@st.composite
def concatenation(draw: st.DrawFn, plain: bool = False) -> Case:
    """Some inputs, but not all, are constant. TensorFlow Lite Micro takes ten at most."""
    shape, both = draw(any_rank()), draw(quants())
    axis = draw(st.integers(max(len(shape) - 2, 0), len(shape) - 1))
    count = draw(st.integers(1, 10 if plain else 14))
    tensors, inputs, given = {}, [], []
    for i in range(count):
        x = (*shape[:axis], draw(st.integers(1, 5)), *shape[axis + 1 :])
        data = draw(values(x)) if i and draw(st.booleans()) else None
        tensors[i] = Tensor(i, f"x_{i}", x, DType.INT8, both, data)
        inputs.append(i)
        if data is None:
            given.append(draw(values(x)))
    total = sum(tensors[i].shape[axis] for i in inputs)
    tensors[count] = Tensor(count, "out", (*shape[:axis], total, *shape[axis + 1 :]), DType.INT8, both)
    op = Op("concatenation", tuple(inputs), (count,), Concatenation(axis), (0,))
    free = tuple(i for i in inputs if tensors[i].data is None)
    return Case(conv_graphs.single(op, tensors, free, count), tuple(given))


@st.composite
def strided_slice(draw: st.DrawFn, plain: bool = False) -> Case:
    """TensorFlow Lite Micro takes rank 4 with steps, 5 without."""
    stepped = draw(st.booleans())
    shape = draw(any_rank(4 if plain and stepped else 5))
    parts = [draw(part(d, stepped)) for d in shape]
    begin, size, step = zip(*parts, strict=True)
    return moved(draw, "strided_slice", StridedSlice(begin, size, step), shape, size)


@st.composite
def part(draw: st.DrawFn, size: int, stepped: bool) -> tuple[int, int, int]:
    """(begin, count, step) of elements of a dimension."""
    step = draw(st.sampled_from([1, 2, 3, -1, -2])) if stepped else 1
    begin = draw(st.integers(0, size - 1))
    room = size - 1 - begin if step > 0 else begin
    return begin, draw(st.integers(1, room // abs(step) + 1)), step


@st.composite
def reshape(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(any_rank(6)), draw(quants())
    total = math.prod(shape)
    out = draw(st.sampled_from([(total,), (1, total), (total, 1), shape[::-1], (*shape, 1, 1)]))
    dtype = draw(st.sampled_from(list(DType)))
    quant: Quant | None = both if dtype is DType.INT8 else None
    data = np.frombuffer(draw(values((*shape, dtype.size))).tobytes(), dtype.numpy).reshape(shape)
    if dtype is DType.FLOAT32:
        data = np.arange(total, dtype=np.float32).reshape(shape)
    return Case(unary("reshape", Reshape(), shape, out, quant, quant, dtype, dtype), (data,))


@st.composite
def transpose(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(any_rank(5 if plain else 6))
    order = tuple(draw(st.permutations(range(len(shape)))))
    return moved(draw, "transpose", Transpose(order), shape, tuple(shape[i] for i in order))


@st.composite
def gather(draw: st.DrawFn, plain: bool = False) -> Case:
    """Constant or computed indices, or a constant table; the last also with indices outside it."""
    batch, outer, size, inner = (draw(SIZES) for _ in range(4))
    count, both = draw(st.integers(1, 9)), draw(quants())
    x, data = (batch, outer, size, inner), draw(values((batch, outer, size, inner)))
    computed = draw(st.sampled_from(["x", "indices", "both"]))
    low, high = (0, size - 1) if plain or computed == "x" else (-3, size + 2)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indices = rng.integers(low, high + 1, (batch, 1, count)).astype(np.int32)
    tensors = {
        0: Tensor(0, "x", x, DType.INT8, both, data if computed == "indices" else None),
        1: Tensor(1, "indices", indices.shape, DType.INT32, None, indices if computed == "x" else None),
        2: Tensor(2, "out", (batch, outer, 1, count, inner), DType.INT8, both),
    }
    free = tuple(i for i in (0, 1) if tensors[i].data is None)
    graph = conv_graphs.single(Op("gather", (0, 1), (2,), Gather(), (0,)), tensors, free, 2)
    return Case(graph, tuple((data, indices)[i] for i in free))


@st.composite
def tile(draw: st.DrawFn, plain: bool = False) -> Case:
    """TensorFlow Lite Micro has BROADCAST_TO alone: there, only dimensions of size 1 repeat."""
    shape = draw(any_rank(5, st.integers(1, 4)))
    repeats = tuple(1 if plain and d > 1 else draw(st.integers(1, 3)) for d in shape)
    return moved(draw, "tile", Tile(repeats), shape, tuple(d * n for d, n in zip(shape, repeats, strict=True)))


CASES = {
    "concatenation": concatenation,
    "gather": gather,
    "mirror_pad": mirror_pad,
    "pad": pad,
    "reshape": reshape,
    "strided_slice": strided_slice,
    "tile": tile,
    "transpose": transpose,
}
