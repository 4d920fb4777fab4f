"""Turns convolutions of a single pixel into fully connected layers."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import Graph, Op, Tensor, TensorId
from ..ir.verify import is_legal
from ..ops.attributes import Conv2D, FullyConnected, Padding
from .rewrite import Rewritten, where


def pointwise_as_fully_connected(graph: Graph) -> Rewritten:
    """A 1x1 convolution of a 1x1 image as a fully connected layer, which scales its sums by the same factors."""
    tensors, ops, changes = dict(graph.tensors), [], []
    for op in graph.ops:
        matrix = _matrix(op, tensors)
        if matrix is not None and isinstance(op.attrs, Conv2D):
            attrs = FullyConnected(keep_dims=True, activation=op.attrs.activation)
            inputs = (op.inputs[0], matrix.id, *op.inputs[2:])
            dense = replace(op, kind="fully_connected", inputs=inputs, attrs=attrs)
            if is_legal(dense, {**tensors, matrix.id: matrix}):
                tensors[matrix.id] = matrix
                changes.append(f"{where(op)} is a fully connected layer")
                op = dense
        ops.append(op)
    return Rewritten(graph.with_ops(tuple(ops), tensors), tuple(changes)) if changes else Rewritten(graph)


def _matrix(op: Op, tensors: dict[TensorId, Tensor]) -> Tensor | None:
    """The weights as [out, in] where the fully connected layer computes the same; else None."""
    if not isinstance(op.attrs, Conv2D) or op.attrs.padding != Padding():
        return None
    x, weights = (tensors[i or 0] for i in op.inputs[:2])
    channels, depth = weights.shape[0], weights.shape[3]
    if x.shape[1:] != (1, 1, depth) or weights.shape[1:3] != (1, 1) or weights.data is None:
        return None
    return replace(weights, id=max(tensors) + 1, shape=(channels, depth), data=weights.data.reshape(channels, depth))
