"""Folds channels that always hold one value into the bias of the layers that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .. import reference
from ..ir.types import DType, Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.attributes import Conv2D, Padding
from ..reference.arithmetic import wrap_int32
from .channels import Mask, channelwise, weights_read
from .rewrite import Rewritten, where

Values = npt.NDArray[np.int64]
"""Per channel the value it always has, or UNKNOWN."""

UNKNOWN = 1 << 10


def fold_constant_channels(graph: Graph) -> Rewritten:
    """What a convolution without padding, or a fully connected layer, multiplies a constant channel by becomes bias.

    A channel is constant where every weight that leads to it is zero, or leads to it from constant channels. Exact
    because sums are taken modulo 2^32 before and after. The weights become zero, so that the channel is not needed.
    """
    values = constant_channels(graph)
    tensors, ops, changes = dict(graph.tensors), [], []
    for op in graph.ops:
        folded = _foldable(graph, op, values)
        if folded is not None and folded.any():
            op = _fold(graph, op, folded, values[graph.operand(op, 0).id], tensors)
            changes.append(f"{where(op)}: {int(folded.sum())} constant input channels are part of its bias")
        ops.append(op)
    return Rewritten(graph.with_ops(tuple(ops), tensors), tuple(changes)) if changes else Rewritten(graph)


def constant_channels(graph: Graph) -> Mapping[TensorId, Values]:
    """The channels that hold one value everywhere, whatever the inputs of the graph are."""
    values: dict[TensorId, Values] = {}
    for op in graph.ops:
        candidates = _candidates(graph, op, values)
        if candidates is None or not candidates.any():
            continue
        operands = [t for t in TABLE[op.kind].operands(graph, op) if not t.is_constant]
        filled = [_filled(t, values.get(t.id)) for t in dict.fromkeys(operands)]
        named = {i: graph.tensors[i] for i in (*op.inputs, *op.outputs) if i is not None}
        alone = Graph("alone", named, (op,), tuple(t.id for t in dict.fromkeys(operands)), op.outputs)
        (result,) = reference.run(alone, filled)
        pixels = result.reshape(-1, result.shape[-1]).astype(np.int64)
        same = candidates & (pixels == pixels[0]).all(axis=0)
        if same.any():
            values[op.outputs[0]] = np.where(same, pixels[0], UNKNOWN)
    return values


def _candidates(graph: Graph, op: Op, values: Mapping[TensorId, Values]) -> Mask | None:
    """Output channels that depend on constant channels alone, if on any."""
    out = graph.result(op)
    if out.dtype is not DType.INT8 or not out.shape:
        return None
    if (reads := weights_read(graph, op)) is not None:
        depends: Mask = np.asarray(reads[:, _unknown(graph.operand(op, 0), values)].any(axis=1))
        return ~depends
    if op.kind == "depthwise_conv2d":
        weights = graph.operand(op, 1).data
        assert weights is not None
        taps = (weights != 0).any(axis=(0, 1, 2))
        source = _unknown(graph.operand(op, 0), values)
        return np.asarray(~(taps & np.repeat(source, len(taps) // len(source))))
    operands = [t for t in TABLE[op.kind].operands(graph, op) if not t.is_constant]
    if not any(t.id in values for t in operands) or not channelwise(graph, op):
        return None
    return np.asarray(~np.any([np.broadcast_to(_unknown(t, values), out.hwc[2]) for t in operands], axis=0))


def _unknown(tensor: Tensor, values: Mapping[TensorId, Values]) -> Mask:
    known = values.get(tensor.id)
    return np.ones(tensor.hwc[2], np.bool_) if known is None else known == UNKNOWN


def _filled(tensor: Tensor, known: Values | None) -> npt.NDArray[np.int8]:
    """A value of the tensor with its constant channels set."""
    row = np.full(tensor.hwc[2], tensor.zero_point) if known is None else known
    return np.broadcast_to(np.where(row == UNKNOWN, tensor.zero_point, row), tensor.shape).astype(np.int8)


def _foldable(graph: Graph, op: Op, values: Mapping[TensorId, Values]) -> Mask | None:
    """Constant input channels that an operator multiplies, as often for every output."""
    reads = weights_read(graph, op)
    if reads is None or graph.operand(op, 0).id not in values:
        return None
    x = graph.operand(op, 0)
    known = values[x.id]
    padded = isinstance(op.attrs, Conv2D) and op.attrs.padding != Padding()
    constant = known == x.zero_point if padded else known != UNKNOWN
    return np.asarray(constant & reads.any(axis=0))


def _fold(graph: Graph, op: Op, folded: Mask, known: Values, tensors: dict[TensorId, Tensor]) -> Op:
    """The operator with zero weights for the folded channels and a bias that holds what they gave."""
    x, weights, bias = graph.operand(op, 0), graph.operand(op, 1), graph.operands(op)[2]
    assert weights.data is not None
    taps = weights.data.reshape(weights.shape[0], -1, len(known)).astype(np.int64)
    given = (taps * np.where(folded, known - x.zero_point, 0)).sum(axis=(1, 2))
    before = np.zeros(len(given), np.int64) if bias is None or bias.data is None else bias.data.reshape(-1)
    ident = max(tensors) + 1
    left = np.where(folded, 0, taps).astype(np.int8).reshape(weights.shape)
    tensors[ident] = replace(weights, id=ident, data=left)
    summed = wrap_int32(before + given).astype(np.int32)
    like = Tensor(ident, f"{weights.name}/bias", summed.shape, DType.INT32) if bias is None else bias
    tensors[ident + 1] = replace(like, id=ident + 1, shape=summed.shape, data=summed)
    return replace(op, inputs=(x.id, ident, ident + 1))
