"""Graphs of one convolution, fully connected layer or addition, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, FullyConnected, Padding, Pair

ACTIVATIONS = st.sampled_from(list(Activation))
SYMMETRIC = st.just(0)
BATCHES = st.sampled_from([1, 1, 1, 2, 3])
ZERO_POINTS = st.one_of(st.sampled_from([-128, 0, 127]), st.integers(-128, 127))


@dataclass(frozen=True)
class Case:
    """One operator on its own, with values for its activation inputs."""

    graph: Graph
    inputs: tuple[npt.NDArray[np.int8], ...]

    @property
    def op(self) -> Op:
        return self.graph.ops[0]


def float32(value: float) -> float:
    """The nearest single, as model files store scales."""
    return float(np.float32(value))


def int8_values(rng: np.random.Generator, shape: Shape) -> npt.NDArray[np.int8]:
    """Uniform values with runs of the extremes, which make the largest accumulators."""
    values = rng.integers(-128, 128, shape).astype(np.int8)
    if rng.random() < 0.2:
        values[...] = rng.choice(np.array([-128, 127], np.int8))
    return values


def scales(draw: st.DrawFn) -> tuple[float, float]:
    """Input and output scales; small ratios saturate, large ones lead to left shifts."""
    log = st.floats(-7.0, 3.0, allow_nan=False)
    return float32(2.0 ** draw(log)), float32(2.0 ** draw(log))


def weight_quant(draw: st.DrawFn, rng: np.random.Generator, channels: int, axis: int) -> Quant:
    """Per tensor or per channel, over several octaves, so that shifts differ between channels."""
    per_channel = channels > 1 and draw(st.booleans())
    exponents = rng.uniform(-9.0, -2.0, channels if per_channel else 1)
    values = tuple(float32(2.0**e) for e in exponents)
    return Quant(values, (0,) * len(values), axis if per_channel else 0)


def bias_tensor(rng: np.random.Generator, ident: int, channels: int, x_scale: float, quant: Quant) -> Tensor:
    """A bias of the size that layers have; its scale is the product that converters write."""
    data = rng.integers(-(1 << 16), 1 << 16, channels).astype(np.int32)
    bias_scales = tuple(float32(x_scale * s) for s in quant.scale)
    return Tensor(ident, "bias", (channels,), DType.INT32, Quant(bias_scales, (0,) * len(bias_scales)), data)


def single(op: Op, tensors: dict[int, Tensor], inputs: tuple[int, ...], output: int) -> Graph:
    return verify(Graph("single", tensors, (op,), inputs, (output,)), "the test's strategy")


@dataclass(frozen=True)
class Geometry:
    """A window over an image: sizes are (rows, pixels)."""

    image: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding

    @property
    def output(self) -> Pair:
        heights = self.image[0] + self.padding.top + self.padding.bottom - (self.kernel[0] - 1) * self.dilation[0] - 1
        widths = self.image[1] + self.padding.left + self.padding.right - (self.kernel[1] - 1) * self.dilation[1] - 1
        return heights // self.stride[0] + 1, widths // self.stride[1] + 1


def same(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """What SAME pads before and after one dimension."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@st.composite
def geometries(draw: st.DrawFn, paddings: tuple[str, ...]) -> Geometry:
    """paddings: any of "same", "valid" (which model files can say) and "explicit"."""
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (1, 2), (2, 1), (2, 3)]))
    kind = draw(st.sampled_from(paddings))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    if kind == "valid":
        image = draw(st.integers(spans[0], spans[0] + 5)), draw(st.integers(spans[1], spans[1] + 8))
        return Geometry(image, kernel, stride, dilation, Padding())
    image = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    if kind == "same":
        edges = [same(*each) for each in zip(image, kernel, stride, dilation, strict=True)]
        return Geometry(image, kernel, stride, dilation, Padding(*edges[0], *edges[1]))
    needs = tuple(max(span - size, 0) for span, size in zip(spans, image, strict=True))
    top, left = draw(st.integers(0, spans[0])), draw(st.integers(0, spans[1]))
    bottom = max(draw(st.integers(0, spans[0])), needs[0] - top)
    right = max(draw(st.integers(0, spans[1])), needs[1] - left)
    return Geometry(image, kernel, stride, dilation, Padding(top, bottom, left, right))


@st.composite
def conv2d(draw: st.DrawFn, paddings: tuple[str, ...] = ("same", "valid")) -> Case:
    geometry = draw(geometries(paddings))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, depth = draw(st.integers(1, 10)) * groups, draw(st.integers(1, 6))
    attrs = Conv2D(geometry.stride, geometry.dilation, geometry.padding, draw(ACTIVATIONS))
    shape = (channels, *geometry.kernel, depth)
    return _convolution(draw, "conv2d", geometry, attrs, shape, depth * groups, channels, 0)


@st.composite
def depthwise_conv2d(draw: st.DrawFn, paddings: tuple[str, ...] = ("same", "valid")) -> Case:
    geometry = draw(geometries(paddings))
    if "explicit" not in paddings:  # the model file has one stride for both dimensions in some readers
        geometry = draw(geometries(paddings).filter(lambda g: g.stride[0] == g.stride[1]))
    depth, multiplier = draw(st.integers(1, 6)), draw(st.sampled_from([1, 1, 2, 3]))
    channels = depth * multiplier
    attrs = DepthwiseConv2D(geometry.stride, geometry.dilation, geometry.padding, multiplier, draw(ACTIVATIONS))
    return _convolution(draw, "depthwise_conv2d", geometry, attrs, (1, *geometry.kernel, channels), depth, channels, 3)


def _convolution(
    draw: st.DrawFn, kind: str, geometry: Geometry, attrs: Any, shape: Shape, depth: int, channels: int, axis: int
) -> Case:
    images = draw(BATCHES)
    return weighted(
        draw, kind, (images, *geometry.image, depth), (images, *geometry.output, channels), attrs, shape, axis
    )


def weighted(
    draw: st.DrawFn,
    kind: str,
    x_shape: Shape,
    out_shape: Shape,
    attrs: Attrs,
    weights: Shape,
    axis: int,
    zero_points: st.SearchStrategy[int] = SYMMETRIC,
) -> Case:
    """An operator with constant weights, whose outputs run along `axis`, and maybe a bias.

    zero_points  of weights with one scale
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x_scale, out_scale = scales(draw)
    quant = weight_quant(draw, rng, weights[axis], axis)
    if not quant.per_channel:
        quant = replace(quant, zero_point=(draw(zero_points),))
    tensors = {
        0: Tensor(0, "x", x_shape, DType.INT8, Quant((x_scale,), (draw(ZERO_POINTS),))),
        1: Tensor(1, "weights", weights, DType.INT8, quant, int8_values(rng, weights)),
        2: bias_tensor(rng, 2, weights[axis], x_scale, quant),
        3: Tensor(3, "out", out_shape, DType.INT8, Quant((out_scale,), (draw(ZERO_POINTS),))),
    }
    has_bias = draw(st.booleans())
    if not has_bias:
        del tensors[2]
    op = Op(kind, (0, 1, 2 if has_bias else None), (3,), attrs, (0,))
    return Case(single(op, tensors, (0,), 3), (int8_values(rng, x_shape),))


def border(kind: str, geometry: Geometry, rng: np.random.Generator) -> Case:
    """A convolution of one channel (depthwise: one output for it) over that geometry."""
    quant = Quant((float32(2.0**-5),), (0,))
    attrs = {"conv2d": Conv2D, "depthwise_conv2d": DepthwiseConv2D}[kind](
        geometry.stride, geometry.dilation, geometry.padding
    )
    shape = (1, *geometry.kernel, 1)
    tensors = {
        0: Tensor(0, "x", (1, *geometry.image, 1), DType.INT8, Quant((0.5,), (-7,))),
        1: Tensor(1, "weights", shape, DType.INT8, quant, int8_values(rng, shape)),
        2: Tensor(2, "out", (1, *geometry.output, 1), DType.INT8, Quant((4.0,), (3,))),
    }
    graph = single(Op(kind, (0, 1, None), (2,), attrs, (0,)), tensors, (0,), 2)
    return Case(graph, (int8_values(rng, tensors[0].shape),))


@st.composite
def fully_connected(draw: st.DrawFn, images: bool = False) -> Case:
    """images: also inputs of rank 3 and 4 that are read as [batch, in]."""
    channels, depth = draw(st.integers(1, 11)), draw(st.integers(1, 24))
    batch, keep_dims = draw(st.integers(1, 4)), False
    shape: Shape = (batch, depth)
    if images:
        rows, pixels, keep_dims = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.booleans())
        shape = draw(st.sampled_from([(1, rows, pixels, depth), (rows, pixels, depth)]))
        if not keep_dims:
            depth *= draw(st.sampled_from([1, pixels, pixels * rows]))
    out_shape = (*shape[:-1], channels) if keep_dims else (int(np.prod(shape)) // depth, channels)
    attrs = FullyConnected(keep_dims, draw(ACTIVATIONS))
    zero_points = st.one_of(SYMMETRIC, ZERO_POINTS)
    return weighted(draw, "fully_connected", shape, out_shape, attrs, (channels, depth), 0, zero_points)


@st.composite
def planar(draw: st.DrawFn) -> Case:
    """A depthwise convolution whose output has the shape of its input, with up to 33 channels."""
    image, channels = (draw(st.integers(1, 9)), draw(st.integers(1, 9))), draw(st.integers(1, 33))
    kernel = draw(st.sampled_from([(3, 3), (3, 3), (5, 5), (7, 7), (1, 1), (2, 4), (3, 5), (4, 1)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (1, 1), (2, 1), (1, 2)]))
    stride = tuple(draw(st.sampled_from([1, 2])) if n == 1 else 1 for n in image)
    spans = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    top, left = (draw(st.integers(0, n)) if draw(st.booleans()) else n // 2 for n in spans)
    padding = Padding(top, spans[0] - top, left, spans[1] - left)
    attrs = DepthwiseConv2D((stride[0], stride[1]), dilation, padding, 1, draw(ACTIVATIONS))
    shape = (1, *image, channels)
    return weighted(draw, "depthwise_conv2d", shape, shape, attrs, (1, *kernel, channels), 3)
