"""Small graphs, one operator after the other, for tests of passes and file formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor, TensorId
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import (
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Mean,
    Pad,
    Padding,
    Pair,
    Pool2D,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Transpose,
)

STEP = Quant((0.0625,), (-5,))  # exact in binary


class GraphBuilder:
    """Every method adds one operator and returns its output's id; the output keeps the input's quantization unless
    `quant` says otherwise."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.tensors: dict[TensorId, Tensor] = {}
        self.ops: list[Op] = []
        self.inputs: list[TensorId] = []

    def input(self, shape: Shape, quant: Quant = STEP) -> TensorId:
        ident = self._tensor(shape, quant)
        self.inputs.append(ident)
        return ident

    def conv2d(
        self, x: TensorId, channels: int = 3, kernel: Pair = (3, 3), attrs: Conv2D | None = None, quant: Quant = STEP
    ) -> TensorId:
        return self._weighted("conv2d", x, attrs or Conv2D(), (channels, *kernel, self.shape(x)[3]), 0, quant)

    def depthwise(
        self, x: TensorId, kernel: Pair = (3, 3), attrs: DepthwiseConv2D | None = None, quant: Quant = STEP
    ) -> TensorId:
        attrs = attrs or DepthwiseConv2D()
        shape = (1, *kernel, self.shape(x)[3] * attrs.multiplier)
        return self._weighted("depthwise_conv2d", x, attrs, shape, 3, quant)

    def fully_connected(
        self, x: TensorId, channels: int, depth: int, attrs: FullyConnected | None = None, quant: Quant = STEP
    ) -> TensorId:
        return self._weighted("fully_connected", x, attrs or FullyConnected(), (channels, depth), 0, quant)

    def add(self, a: TensorId, b: TensorId, activation: Activation = Activation.NONE, quant: Quant = STEP) -> TensorId:
        return self._op("add", (a, b), Add(activation), quant=quant)

    def pool(self, kind: str, x: TensorId, kernel: Pair, stride: Pair = (1, 1), padding: Padding | None = None) -> int:
        return self._op(f"{kind}_pool2d", (x,), Pool2D(kernel, stride, padding or Padding()))

    def mean(self, x: TensorId, axes: Sequence[int], keep_dims: bool = False) -> TensorId:
        return self._op("mean", (x,), Mean(tuple(axes), keep_dims))

    def pad(
        self, x: TensorId, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0, after: int = 0
    ) -> TensorId:
        """`after` channels are added behind the others."""
        return self._op("pad", (x,), Pad(((0, 0), (top, bottom), (left, right), (0, after))))

    def relu(self, x: TensorId, activation: Activation = Activation.RELU, quant: Quant | None = None) -> TensorId:
        return self._op("relu", (x,), Relu(activation), quant=quant)

    def reshape(self, x: TensorId, shape: Shape, quant: Quant | None = None) -> TensorId:
        return self._op("reshape", (x,), Reshape(), shape=shape, quant=quant)

    def transpose(self, x: TensorId, permutation: Sequence[int]) -> TensorId:
        return self._op("transpose", (x,), Transpose(tuple(permutation)))

    def softmax(self, x: TensorId) -> TensorId:
        return self._op("softmax", (x,), Softmax(), quant=Quant((1 / 256,), (-128,)))

    def quantize(self, x: TensorId, quant: Quant) -> TensorId:
        return self._op("quantize", (x,), Quantize(), quant=quant)

    def dequantize(self, x: TensorId) -> TensorId:
        return self._op("dequantize", (x,), Dequantize(), dtype=DType.FLOAT32)

    def float_input(self, shape: Shape) -> TensorId:
        ident = len(self.tensors)
        self.tensors[ident] = Tensor(ident, f"tensor_{ident}", shape, DType.FLOAT32)
        self.inputs.append(ident)
        return ident

    def apply(self, kind: str, inputs: tuple[TensorId, ...], attrs: Attrs, quant: Quant | None = None) -> TensorId:
        """Any other operator from int8 to int8."""
        return self._op(kind, inputs, attrs, quant=quant)

    def constant(self, data: npt.NDArray[Any], quant: Quant | None = STEP) -> TensorId:
        ident = len(self.tensors)
        dtype = DType(data.dtype.name)
        self.tensors[ident] = Tensor(ident, f"constant_{ident}", data.shape, dtype, quant, data)
        return ident

    def shape(self, ident: TensorId) -> Shape:
        return self.tensors[ident].shape

    def graph(self, *outputs: TensorId) -> Graph:
        ops = tuple(self.ops)
        return verify(Graph("built", self.tensors, ops, tuple(self.inputs), outputs), "building the test's graph")

    def _weighted(self, kind: str, x: TensorId, attrs: Attrs, shape: Shape, axis: int, quant: Quant) -> TensorId:
        channels = shape[axis]
        scales = tuple(float(np.float32(s)) for s in self._rng.uniform(0.002, 0.02, channels))
        weights = self._constant(shape, DType.INT8, Quant(scales, (0,) * channels, axis if channels > 1 else 0), 127)
        bias = self._constant((channels,), DType.INT32, None, 500)
        return self._op(kind, (x, weights, bias), attrs, quant=quant)

    def _constant(self, shape: Shape, dtype: DType, quant: Quant | None, limit: int) -> TensorId:
        data = self._rng.integers(-limit, limit + 1, shape).astype(dtype.numpy)
        ident = len(self.tensors)
        self.tensors[ident] = Tensor(ident, f"constant_{ident}", shape, dtype, quant, data)
        return ident

    def _tensor(self, shape: Shape, quant: Quant | None, dtype: DType = DType.INT8) -> TensorId:
        ident = len(self.tensors)
        self.tensors[ident] = Tensor(ident, f"tensor_{ident}", shape, dtype, quant)
        return ident

    def _op(
        self,
        kind: str,
        inputs: tuple[TensorId, ...],
        attrs: Attrs,
        shape: Shape | None = None,
        quant: Quant | None = None,
        dtype: DType = DType.INT8,
    ) -> TensorId:
        """The output's shape is what the operator table infers, unless given."""
        if quant is None and dtype is DType.INT8:
            quant = self.tensors[inputs[0]].quant
        result = self._tensor(shape or (1,), quant, dtype)
        op = Op(kind, inputs, (result,), attrs, (len(self.ops),))
        if shape is None:
            pool = {i: self.tensors[i] for i in (*inputs, result)}
            (shape,) = TABLE[kind].infer(Graph("one", pool, (op,), inputs, (result,)), op)
            self.tensors[result] = Tensor(result, f"tensor_{result}", shape, dtype, quant)
        self.ops.append(op)
        return result
