"""Operators whose channels do not need each other, and the parts of their tensors that some channels are."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import Graph, Op, Quant, Tensor, TensorId
from ..ops import reduction
from ..ops.attributes import Conv2D

REDUCTIONS = ("mean", "reduce_max", "sum")

ELEMENTWISE = ("abs", "elu", "gelu", "hard_swish", "leaky_relu", "logistic", "lookup", "quantize", "relu", "tanh")

BY_CHANNEL = frozenset((*REDUCTIONS, *ELEMENTWISE, "average_pool2d", "depthwise_conv2d", "max_pool2d"))
"""Kinds whose output channel n can be computed from channel n of input 0 alone."""


def is_dense(graph: Graph, op: Op) -> bool:
    """Whether every output channel is computed from all inputs."""
    return isinstance(op.attrs, Conv2D) and graph.operand(op, 1).shape[3] == graph.operand(op, 0).shape[3]


def only_reader(graph: Graph, ident: TensorId) -> Op | None:
    """The operator that reads a tensor; None where several do, or it is an output."""
    readers = graph.consumers(ident)
    return readers[0] if len(readers) == 1 and ident not in graph.outputs else None


def by_channel(graph: Graph, op: Op) -> bool:
    """Whether each output channel is computed from the same channel of input 0 alone."""
    x, out = graph.operand(op, 0), graph.result(op)
    if op.kind not in BY_CHANNEL or len(x.shape) != 4 or x.shape[-1] != out.shape[-1]:
        return False
    return op.kind not in REDUCTIONS or len(x.shape) - 1 not in reduction.axes(op)


def sliced(
    tensors: dict[TensorId, Tensor], graph: Graph, op: Op, position: int, low: int, high: int
) -> TensorId | None:
    """A constant of an operator for some of its output channels; itself where it has none."""
    ident = op.inputs[position]
    if ident is None:
        return None
    tensor, channels = graph.tensors[ident], graph.result(op).shape[-1]
    axis = 0 if isinstance(op.attrs, Conv2D) else len(tensor.shape) - 1
    if op.kind not in ("conv2d", "depthwise_conv2d") or tensor.shape[axis] != channels:
        return ident
    found = part(tensor, max(tensors) + 1, axis, low, high)
    tensors[found.id] = found
    return found.id


def part(tensor: Tensor, ident: TensorId, axis: int, low: int, high: int) -> Tensor:
    """Some channels of a tensor, which lie along an axis."""
    axis %= len(tensor.shape)
    shape = (*tensor.shape[:axis], high - low, *tensor.shape[axis + 1 :])
    data = None if tensor.data is None else tensor.data.take(range(low, high), axis)
    quant = tensor.quant
    if quant is not None and quant.per_channel and quant.axis == axis:
        scale, zero = quant.scale[low:high], quant.zero_point[low:high]
        quant = Quant(scale, zero, axis if high - low > 1 else 0)
    return replace(tensor, id=ident, name=f"{tensor.name}[{low}:{high}]", shape=shape, data=data, quant=quant)
