"""Builds int8 graphs of random, seeded weights for benchmarks, layer by layer: SAME padding, square kernels, and scales
that keep activations within int8 as those of a trained network do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor, TensorId
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import (
    Add,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Logistic,
    Mean,
    Mul,
    Padding,
    Pool2D,
    Reshape,
    Softmax,
    StridedSlice,
    Transpose,
)


def quantization(low: float, high: float) -> Quant:
    """256 steps from low to high, as float32 can hold them."""
    scale = float(np.float32((high - low) / 255))
    return Quant((scale,), (-128 - round(low / scale),))


IMAGE = quantization(-1.0, 1.0)
UNIT = Quant((1 / 256,), (-128,))
"""What softmax and the sigmoid put out."""

RANGES = {
    Activation.NONE: quantization(-6.0, 6.0),
    Activation.RELU: quantization(0.0, 6.0),
    Activation.RELU6: quantization(0.0, 6.0),
}
"""The quantization of a layer's output by its activation."""


class Builder:
    """Every method adds one layer and returns its output's id."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._tensors: dict[TensorId, Tensor] = {}
        self._ops: list[Op] = []
        self._inputs: list[TensorId] = []

    def input(self, rows: int, pixels: int, channels: int) -> TensorId:
        """An image of values from -1 to 1."""
        ident = self._tensor((1, rows, pixels, channels), DType.INT8, IMAGE)
        self._inputs.append(ident)
        return ident

    def conv(
        self,
        x: TensorId,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        activation: Activation = Activation.NONE,
        groups: int = 1,
        dilation: int = 1,
    ) -> TensorId:
        shape = (channels, kernel, kernel, self.shape(x)[3] // groups)
        attrs = Conv2D((stride,) * 2, (dilation,) * 2, self._same(x, kernel, stride, dilation), activation)
        return self._weighted("conv2d", x, shape, 0, attrs, activation)

    def depthwise(
        self, x: TensorId, kernel: int, stride: int = 1, activation: Activation = Activation.NONE, dilation: int = 1
    ) -> TensorId:
        padding = self._same(x, kernel, stride, dilation)
        attrs = DepthwiseConv2D((stride,) * 2, (dilation,) * 2, padding, 1, activation)
        return self._weighted("depthwise_conv2d", x, (1, kernel, kernel, self.shape(x)[3]), 3, attrs, activation)

    def dense(self, x: TensorId, channels: int, activation: Activation = Activation.NONE) -> TensorId:
        """A fully connected layer, over everything that x has."""
        shape = (channels, self._tensors[x].elements)
        return self._weighted("fully_connected", x, shape, 0, FullyConnected(False, activation), activation)

    def pool(self, kind: str, x: TensorId, kernel: int, stride: int) -> TensorId:
        """kind: "max" or "average"."""
        padding = self._same(x, kernel, stride, 1)
        return self.op(f"{kind}_pool2d", (x,), Pool2D((kernel,) * 2, (stride,) * 2, padding))

    def mean(self, x: TensorId) -> TensorId:
        """Over rows and pixels, which stay as dimensions of size 1."""
        return self.op("mean", (x,), Mean((1, 2), True))

    def add(self, a: TensorId, b: TensorId, activation: Activation = Activation.NONE) -> TensorId:
        return self.op("add", (a, b), Add(activation), RANGES[activation])

    def mul(self, a: TensorId, b: TensorId, quant: Quant | None = None) -> TensorId:
        return self.op("mul", (a, b), Mul(), quant)

    def sigmoid(self, x: TensorId) -> TensorId:
        return self.op("logistic", (x,), Logistic(), UNIT)

    def softmax(self, x: TensorId) -> TensorId:
        return self.op("softmax", (x,), Softmax(), UNIT)

    def concatenate(self, *parts: TensorId) -> TensorId:
        """Along the channels."""
        return self.op("concatenation", parts, Concatenation(len(self.shape(parts[0])) - 1))

    def channels(self, x: TensorId, first: int, count: int) -> TensorId:
        """Some of the channels of an image."""
        rows, pixels = self.shape(x)[1:3]
        return self.op("strided_slice", (x,), StridedSlice((0, 0, 0, first), (1, rows, pixels, count), (1, 1, 1, 1)))

    def shuffle(self, x: TensorId, groups: int) -> TensorId:
        """The first channel of every group, then the second of every group, ..."""
        one, rows, pixels, channels = self.shape(x)
        split = self.reshape(x, (one, rows, pixels, groups, channels // groups))
        turned = self.op("transpose", (split,), Transpose((0, 1, 2, 4, 3)))
        return self.reshape(turned, (one, rows, pixels, channels))

    def reshape(self, x: TensorId, shape: Shape) -> TensorId:
        return self.op("reshape", (x,), Reshape(), shape=shape)

    def number(self, value: float, quant: Quant) -> TensorId:
        """A constant."""
        stored = round(value / quant.scale[0]) + quant.zero_point[0]
        return self._tensor((1,), DType.INT8, quant, np.array([stored], np.int8))

    def op(
        self,
        kind: str,
        inputs: Sequence[TensorId],
        attrs: Attrs,
        quant: Quant | None = None,
        shape: Shape | None = None,
    ) -> TensorId:
        """Any operator from int8 to int8. quant: that of the first input where none is given. shape: what the operator
        table infers where none is given."""
        result = self._tensor(shape or (1,), DType.INT8, quant or self._tensors[inputs[0]].quant)
        op = Op(kind, tuple(inputs), (result,), attrs, (len(self._ops),))
        self._ops.append(op)
        if shape is None:
            one = Graph("one", {i: self._tensors[i] for i in (*inputs, result)}, (op,), tuple(inputs), (result,))
            (shape,) = TABLE[kind].infer(one, op)
            self._tensors[result] = Tensor(result, f"tensor_{result}", shape, DType.INT8, self._tensors[result].quant)
        return result

    def shape(self, ident: TensorId) -> Shape:
        return self._tensors[ident].shape

    def graph(self, name: str, *outputs: TensorId) -> Graph:
        graph = Graph(name, self._tensors, tuple(self._ops), tuple(self._inputs), outputs)
        return verify(graph, f"building {name}")

    def _weighted(
        self, kind: str, x: TensorId, shape: Shape, axis: int, attrs: Attrs, activation: Activation
    ) -> TensorId:
        """A layer whose sums have about the spread of its inputs, whatever their number."""
        channels = shape[axis]
        spread = math.sqrt(2 / (math.prod(shape) // channels)) / 73  # 73: that of uniform int8
        scales = tuple(float(np.float32(s)) for s in self._rng.uniform(0.7, 1.3, channels) * spread)
        weights = self._rng.integers(-127, 128, shape, np.int8)
        per_tensor = axis if channels > 1 else 0
        step = self._tensors[x].scale * np.array(scales)
        bias = np.rint(self._rng.uniform(-0.1, 0.1, channels) / step).astype(np.int32)
        constants = (
            self._tensor(shape, DType.INT8, Quant(scales, (0,) * channels, per_tensor), weights),
            self._tensor((channels,), DType.INT32, None, bias),
        )
        return self.op(kind, (x, *constants), attrs, RANGES[activation])

    def _same(self, x: TensorId, kernel: int, stride: int, dilation: int) -> Padding:
        """As many output pixels as strides begin in the input; where the border is odd, its end is the larger one."""
        sides = []
        for size in self.shape(x)[1:3]:
            total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
            sides += [total // 2, total - total // 2]
        return Padding(*sides)

    def _tensor(
        self, shape: Shape, dtype: DType, quant: Quant | None, data: npt.NDArray[Any] | None = None
    ) -> TensorId:
        ident = len(self._tensors)
        self._tensors[ident] = Tensor(ident, f"tensor_{ident}", shape, dtype, quant, data)
        return ident
