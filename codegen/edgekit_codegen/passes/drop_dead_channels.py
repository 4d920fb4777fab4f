"""Drops channels that nothing needs: what later layers multiply by zero weights is not computed at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..ir.types import Graph, Op, Quant, Tensor, TensorId
from ..ir.verify import is_legal
from ..ops import TABLE
from .channels import Mask, needed
from .rewrite import Rewritten, where


def drop_dead_channels(graph: Graph) -> Rewritten:
    """Channels go, backwards through everything that keeps them apart, where every reader's weights are zero.

    Exact because a product with zero adds zero, wherever the other factor comes from. An operator that cannot be
    computed with fewer channels keeps all of its tensors' channels.
    """
    fixed: frozenset[int] = frozenset()
    while True:
        kept = {i: mask for i, mask in needed(graph, fixed).items() if not mask.all()}
        if not kept:
            return Rewritten(graph)
        smaller, refused = _smaller(graph, kept)
        if not refused:
            return Rewritten(smaller, tuple(_changes(graph, kept)))
        fixed |= refused


def _smaller(graph: Graph, kept: Mapping[TensorId, Mask]) -> tuple[Graph, frozenset[int]]:
    """The graph with only the channels that are kept, and the operators that cannot be computed so."""
    tensors = dict(graph.tensors)
    for ident, mask in kept.items():
        tensors[ident] = _fewer(tensors[ident], mask, -1)
    ops, refused = [], set()
    for index, op in enumerate(graph.ops):
        if any(i in kept for i in (*op.inputs, *op.outputs)):
            smaller = _with_fewer(graph, op, kept, tensors)
            if not is_legal(smaller, tensors) or _loses_its_scales(graph, op, smaller, tensors):
                refused.add(index)
            op = smaller
        ops.append(op)
    return graph.with_ops(tuple(ops), tensors), frozenset(refused)


def _with_fewer(graph: Graph, op: Op, kept: Mapping[TensorId, Mask], tensors: dict[TensorId, Tensor]) -> Op:
    """The operator over tensors of fewer channels; its smaller constants are added to `tensors`."""
    out = kept.get(op.outputs[0], np.ones(graph.result(op).hwc[2], np.bool_))
    inputs: list[TensorId | None] = []
    for position, tensor in enumerate(graph.operands(op)):
        constant = None if tensor is None or tensor.data is None else _constant(graph, op, position, kept, out)
        if constant is not None:
            ident = max(tensors) + 1
            tensors[ident] = replace(constant, id=ident)
            inputs.append(ident)
        else:
            inputs.append(op.inputs[position])
    return replace(op, inputs=tuple(inputs))


def _constant(graph: Graph, op: Op, position: int, kept: Mapping[TensorId, Mask], out: Mask) -> Tensor | None:
    """A constant operand for the channels that are left; None where it stays as it is."""
    tensor = graph.operand(op, position)
    if op.kind in ("conv2d", "fully_connected") and position in (1, 2):
        fewer = _fewer(tensor, out, 0)
        if position == 1 and (source := kept.get(op.inputs[0] or 0)) is not None:
            fewer = _fewer(fewer, np.tile(source, tensor.shape[-1] // len(source)), -1)
        return fewer
    return _fewer(tensor, out, -1) if tensor.hwc[2] == len(out) > 1 else None


def _fewer(tensor: Tensor, mask: Mask, axis: int) -> Tensor:
    """Only the slices along a dimension that the mask keeps, with their scales."""
    axis %= len(tensor.shape)
    shape = (*tensor.shape[:axis], int(mask.sum()), *tensor.shape[axis + 1 :])
    data = None if tensor.data is None else np.ascontiguousarray(np.compress(mask, tensor.data, axis))
    quant = tensor.quant
    if quant is not None and quant.per_channel and quant.axis == axis:
        left = np.flatnonzero(mask).tolist()
        scale, zero_point = tuple(quant.scale[i] for i in left), tuple(quant.zero_point[i] for i in left)
        quant = Quant(scale, zero_point, axis if len(left) > 1 else 0)
    return replace(tensor, shape=shape, data=data, quant=quant)


def _loses_its_scales(graph: Graph, op: Op, smaller: Op, tensors: Mapping[TensorId, Tensor]) -> bool:
    """A fully connected layer with one scale left: one scale for all outputs is multiplied in single precision."""
    if op.kind != "fully_connected":
        return False
    before, after = graph.operand(op, 1).quant, tensors[smaller.inputs[1] or 0].quant
    return before is not None and after is not None and before.per_channel and not after.per_channel


def _changes(graph: Graph, kept: Mapping[TensorId, Mask]) -> list[str]:
    lines = []
    for op in graph.ops:
        mask = kept.get(op.outputs[0])
        if mask is not None and TABLE[op.kind].kernel is not None:
            lines.append(f"{where(op)}: {int((~mask).sum())} of {len(mask)} channels are never used")
    return lines
