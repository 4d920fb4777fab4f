"""Graphs of one operator that pools, reduces, moves or rescales, drawn by hypothesis, with values for its input.

`plain` strategies draw only what a .tflite file can say and TensorFlow Lite Micro computes; otherwise explicit
paddings and activations that TensorFlow Lite Micro lacks occur, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ACTIVATIONS, ZERO_POINTS, Case, float32, int8_values, scales

from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ops.attributes import (
    Dequantize,
    Mean,
    Pad,
    Padding,
    Pool2D,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Transpose,
)

SIZES = st.integers(1, 7)
SOFTMAX_OUT = Quant((1.0 / 256.0,), (-128,))


def unary(
    kind: str,
    attrs: Attrs,
    x_shape: Shape,
    out_shape: Shape,
    x_quant: Quant | None,
    out_quant: Quant | None,
    x_dtype: DType = DType.INT8,
    out_dtype: DType = DType.INT8,
) -> Graph:
    """One operator with one input."""
    tensors = {0: Tensor(0, "x", x_shape, x_dtype, x_quant), 1: Tensor(1, "out", out_shape, out_dtype, out_quant)}
    return conv_graphs.single(Op(kind, (0,), (1,), attrs, (0,)), tensors, (0,), 1)


def quant(scale: float, zero_point: int) -> Quant:
    return Quant((float32(scale),), (zero_point,))


@st.composite
def quants(draw: st.DrawFn) -> Quant:
    return Quant((scales(draw)[0],), (draw(ZERO_POINTS),))


@st.composite
def shapes(draw: st.DrawFn, sizes: st.SearchStrategy[int] = SIZES) -> Shape:
    """Rank 1 to 4; the batch of rank 4 is 1."""
    rank = draw(st.integers(1, 4))
    return (1,) * (rank == 4) + tuple(draw(sizes) for _ in range(min(rank, 3)))


@st.composite
def values(draw: st.DrawFn, shape: Shape) -> npt.NDArray[np.int8]:
    return int8_values(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), shape)


@st.composite
def pool(draw: st.DrawFn, kind: str, plain: bool = False) -> Case:
    geometry = draw(conv_graphs.geometries(("same", "valid") if plain else ("same", "valid", "explicit")))
    rows, pixels = geometry.kernel
    p, size = geometry.padding, geometry.image
    if geometry.dilation != (1, 1) or max(p.top, p.bottom) >= rows or max(p.left, p.right) >= pixels:
        p, size = Padding(), (size[0] + rows, size[1] + pixels)
    plane = conv_graphs.Geometry(size, geometry.kernel, geometry.stride, (1, 1), p)
    channels, both = draw(st.integers(1, 20)), draw(quants())
    attrs = Pool2D(geometry.kernel, geometry.stride, p, draw(ACTIVATIONS))
    x = (1, *size, channels)
    return Case(unary(kind, attrs, x, (1, *plane.output, channels), both, both), (draw(values(x)),))


@st.composite
def mean(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 12)))
    axes = tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    keep = draw(st.booleans())
    out = tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)
    x_quant, out_quant = draw(quants()), draw(quants())
    if draw(st.booleans()):  # as converters write it: averages keep the range of what they average
        out_quant = Quant(x_quant.scale, out_quant.zero_point)
    return Case(unary("mean", Mean(axes, keep), shape, out, x_quant, out_quant), (draw(values(shape)),))


@st.composite
def pad(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    some = st.integers(0, 3)
    amounts = tuple((0, 0) if len(shape) == 4 and i == 0 else (draw(some), draw(some)) for i in range(len(shape)))
    out = tuple(before + d + after for d, (before, after) in zip(shape, amounts, strict=True))
    return Case(unary("pad", Pad(amounts), shape, out, both, both), (draw(values(shape)),))


@st.composite
def softmax(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 40)).filter(lambda s: np.prod(s) < 2000))
    beta = float32(draw(st.one_of(st.just(1.0), st.floats(0.01, 16.0))))
    scale = 2.0 ** draw(st.floats(-14.0, 8.0))
    graph = unary("softmax", Softmax(beta), shape, shape, quant(scale, draw(ZERO_POINTS)), SOFTMAX_OUT)
    return Case(graph, (draw(values(shape)),))


@st.composite
def reshape(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    total = int(np.prod(shape))
    out = draw(st.sampled_from([(total,), (1, total), (total, 1), shape[::-1] if len(shape) < 4 else shape]))
    return Case(unary("reshape", Reshape(), shape, out, both, both), (draw(values(shape)),))


@st.composite
def transpose(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    order = tuple(draw(st.permutations(range(len(shape)))))
    if len(shape) == 4 and shape[order[0]] != 1:
        order = (0, *(i for i in order if i != 0))
    out = tuple(shape[i] for i in order)
    return Case(unary("transpose", Transpose(order), shape, out, both, both), (draw(values(shape)),))


@st.composite
def quantize(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, out_quant = draw(shapes()), draw(quants())
    if draw(st.booleans()):
        return Case(unary("quantize", Quantize(), shape, shape, draw(quants()), out_quant), (draw(values(shape)),))
    graph = unary("quantize", Quantize(), shape, shape, None, out_quant, x_dtype=DType.FLOAT32)
    return Case(graph, (draw(reals(shape, out_quant.scale[0])),))


@st.composite
def reals(draw: st.DrawFn, shape: Shape, scale: float) -> npt.NDArray[Any]:
    """Around int8's range, multiples of half a step (ties) among them, and their neighbours."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.uniform(-300.0, 300.0, shape)
    halves = np.round(steps * 2.0) / 2.0
    exact = (np.where(rng.random(shape) < 0.5, halves, steps) * scale).astype(np.float32)
    towards = rng.choice(np.array([-np.inf, np.inf], np.float32), shape)
    return np.where(rng.random(shape) < 0.3, np.nextafter(exact, towards), exact).astype(np.float32)


@st.composite
def dequantize(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes())
    graph = unary("dequantize", Dequantize(), shape, shape, draw(quants()), None, out_dtype=DType.FLOAT32)
    return Case(graph, (draw(values(shape)),))


@st.composite
def relu(draw: st.DrawFn, plain: bool = False) -> Case:
    kinds = [Activation.RELU, Activation.RELU6] + ([] if plain else [Activation.RELU_N1_TO_1])
    activation, shape, x_quant = draw(st.sampled_from(kinds)), draw(shapes()), draw(quants())
    differ = not plain or activation is Activation.RELU
    out_quant = draw(quants()) if differ and draw(st.booleans()) else x_quant
    return Case(unary("relu", Relu(activation), shape, shape, x_quant, out_quant), (draw(values(shape)),))


def average_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("average_pool2d", plain)


def max_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("max_pool2d", plain)
