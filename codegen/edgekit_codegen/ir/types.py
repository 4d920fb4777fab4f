"""The graph: quantized NHWC tensors, operators and constants. Nothing here knows about memory or C."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

TensorId = int
Shape = tuple[int, ...]


class DType(Enum):
    """Element types, by their NumPy name."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"

    @property
    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.value)

    @property
    def size(self) -> int:
        """Bytes per element."""
        return _SIZES[self.value]


_SIZES = {dtype.value: dtype.numpy.itemsize for dtype in DType}


@dataclass(frozen=True, slots=True)
class Quant:
    """Affine quantization: real = scale * (stored - zero_point).

    scale       one per tensor, or one per slice along `axis`; float32 values held exactly in Python floats
    zero_point  as many as scales
    axis        the dimension that per-channel scales run along; 0 for per-tensor
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return len(self.scale) > 1


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One value of the graph.

    id     unique within the graph and stable across passes
    name   the source model's name, for people; not necessarily unique
    shape  NHWC where an operator reads images; every dimension at least 1
    data   the constant's elements (read-only, C order), or None for an activation
    """

    id: TensorId
    name: str
    shape: Shape
    dtype: DType
    quant: Quant | None = None
    data: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.data is not None:
            self.data.setflags(write=False)

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * self.dtype.size

    @property
    def scale(self) -> float:
        """The per-tensor scale. Raises ValueError when there is none or one per channel."""
        return self._per_tensor().scale[0]

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point. Raises ValueError when there is none or one per channel."""
        return self._per_tensor().zero_point[0]

    @property
    def hwc(self) -> tuple[int, int, int]:
        """The shape as (rows, pixels, channels), the view that schedules and kernels use.

        The last two dimensions are pixels and channels, those before them are multiplied into rows: a batch of images
        is one below the other. Missing dimensions are 1, so a [batch, channels] tensor is one row of `batch` pixels.
        """
        padded = (1, 1, *self.shape)
        return math.prod(padded[:-2]), padded[-2], padded[-1]

    def _per_tensor(self) -> Quant:
        if self.quant is None or self.quant.per_channel:
            raise ValueError(f"{self.name}: expected one scale and zero point")
        return self.quant


class Activation(Enum):
    """A clamp fused into an operator's output, in real values."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"


@dataclass(frozen=True, slots=True)
class Attrs:
    """Base of the attributes of an operator; each record in `ops` declares its own frozen subclass."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operator.

    kind     key into `ops.TABLE`
    inputs   tensor ids by position, activations first; None for an optional input that is absent
    outputs  tensor ids by position
    origin   indices of the source model's operators that this one stands for, for messages
    """

    kind: str
    inputs: tuple[TensorId | None, ...]
    outputs: tuple[TensorId, ...]
    attrs: Attrs
    origin: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model: operators in a valid execution order, over tensors.

    name     an identifier-like name of the model
    tensors  every tensor that an operator, an input or an output names, and no other
    outside  the inputs that lie in memory of the caller's, which nothing writes: rows are read there in any order, as
             often as they are needed, and no memory plan counts them
    """

    name: str
    tensors: Mapping[TensorId, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[TensorId, ...]
    outputs: tuple[TensorId, ...]
    outside: frozenset[TensorId] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def operands(self, op: Op) -> tuple[Tensor | None, ...]:
        """The operator's input tensors, by position."""
        return tuple(None if i is None else self.tensors[i] for i in op.inputs)

    def operand(self, op: Op, position: int) -> Tensor:
        """One input tensor that must be present."""
        ident = op.inputs[position]
        if ident is None:
            raise ValueError(f"{op.kind}: input {position} is absent")
        return self.tensors[ident]

    def result(self, op: Op, position: int = 0) -> Tensor:
        return self.tensors[op.outputs[position]]

    def consumers(self, ident: TensorId) -> tuple[Op, ...]:
        return tuple(op for op in self.ops if ident in op.inputs)

    def producer(self, ident: TensorId) -> Op | None:
        return next((op for op in self.ops if ident in op.outputs), None)

    def with_ops(self, ops: tuple[Op, ...], tensors: Mapping[TensorId, Tensor] | None = None) -> Graph:
        """The same model with other operators; tensors that nothing names any more are dropped."""
        pool = self.tensors if tensors is None else tensors
        used = {i for op in ops for i in (*op.inputs, *op.outputs) if i is not None} | {*self.inputs, *self.outputs}
        return replace(self, ops=ops, tensors={i: t for i, t in pool.items() if i in used})
