"""Which channels of which tensors must stay or go together, and which of them anything needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

_WEIGHTED = ("conv2d", "fully_connected")


def needed(graph: Graph, fixed: frozenset[int]) -> Mapping[TensorId, Mask]:
    """Per activation, which channels (of the last dimension) have to be computed; at least one.

    A channel is needed where it belongs to an input or output of the graph, where an operator reads it that cannot
    tell channels apart, or where a convolution or a fully connected layer multiplies it by another weight than zero
    on the way to a channel that is needed itself. Channels that an operator takes from one tensor to another go
    together.

    fixed  indices of operators whose tensors keep every channel
    """
    channels = _Channels(graph)
    weighted: list[tuple[TensorId, TensorId, Mask]] = []
    whole: list[TensorId] = [*graph.inputs, *graph.outputs]
    for index, op in enumerate(graph.ops):
        activations = [t for t in TABLE[op.kind].operands(graph, op) if not t.is_constant]
        reads = None if index in fixed else weights_read(graph, op)
        if reads is not None:
            weighted.append((op.inputs[0] or 0, op.outputs[0], reads))
        elif index in fixed or not _join(graph, op, channels, activations, whole):
            whole += [t.id for t in activations] + [*op.outputs]
    sets = channels.sets()
    kept = np.zeros(channels.count, np.bool_)
    for ident in whole:
        kept[sets[ident]] = True
    _spread(weighted, sets, kept)
    while (unused := next((s for s in sets.values() if not kept[s].any()), None)) is not None:
        kept[unused[0]] = True
        _spread(weighted, sets, kept)
    return {ident: kept[members] for ident, members in sets.items()}


class _Channels:
    """Every channel of every activation, in sets that grow together."""

    def __init__(self, graph: Graph) -> None:
        self.count = 0
        self._indices: dict[TensorId, Indices] = {}
        for tensor in graph.tensors.values():
            if not tensor.is_constant:
                self._indices[tensor.id] = np.arange(self.count, self.count + tensor.hwc[2])
                self.count += tensor.hwc[2]
        self._parent = list(range(self.count))

    def join(self, a: TensorId, b: TensorId, of_a: Indices, of_b: Indices) -> None:
        """Channels of_a[i] of tensor a and of_b[i] of tensor b are needed if either is."""
        for x, y in zip(self._indices[a][of_a].tolist(), self._indices[b][of_b].tolist(), strict=True):
            self._parent[self._root(x)] = self._root(y)

    def sets(self) -> dict[TensorId, Indices]:
        """The number of the set of each channel, per tensor."""
        roots = np.array([self._root(i) for i in range(self.count)], np.int64)
        return {ident: roots[indices] for ident, indices in self._indices.items()}

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index


def _spread(weighted: Sequence[tuple[TensorId, TensorId, Mask]], sets: Mapping[TensorId, Indices], kept: Mask) -> None:
    """Mark what layers with weights read for outputs that are needed, until nothing changes."""
    before = -1
    while before != int(kept.sum()):
        before = int(kept.sum())
        for source, result, reads in reversed(weighted):
            kept[sets[source][reads[kept[sets[result]]].any(axis=0)]] = True


def weights_read(graph: Graph, op: Op) -> Mask | None:
    """[out, in]: whether the weights between an input and an output channel are not all zero; None for others."""
    if op.kind not in _WEIGHTED:
        return None
    x, weights = graph.operand(op, 0), graph.operand(op, 1)
    depth = x.hwc[2]
    symmetric = weights.quant is None or not any(weights.quant.zero_point)
    if weights.data is None or weights.shape[-1] % depth or not symmetric:
        return None
    taps: Mask = (weights.data != 0).reshape(weights.shape[0], -1, depth).any(axis=1)
    return taps


def _join(graph: Graph, op: Op, channels: _Channels, activations: list[Tensor], whole: list[TensorId]) -> bool:
    """Join what an operator takes from channel to channel. False where it mixes them or cannot work on fewer."""
    out = graph.result(op)
    if op.kind in ("reshape", "depthwise_conv2d"):
        return _join_multiples(op.kind == "reshape", activations[0], out, channels)
    if not channelwise(graph, op):
        return False
    every = np.arange(out.hwc[2])
    for tensor in activations:
        if tensor.hwc[2] == len(every):
            channels.join(tensor.id, out.id, every, every)
        else:
            whole.append(tensor.id)  # one channel for all
    return True


def _join_multiples(modulo: bool, x: Tensor, out: Tensor, channels: _Channels) -> bool:
    """One last dimension is a multiple of the other: elements repeat (reshape) or follow each other (depthwise)."""
    few, many = sorted((x, out), key=lambda t: t.hwc[2])
    if many.hwc[2] % few.hwc[2]:
        return False
    every = np.arange(many.hwc[2])
    channels.join(many.id, few.id, every, every % few.hwc[2] if modulo else every // (many.hwc[2] // few.hwc[2]))
    return True


def channelwise(graph: Graph, op: Op) -> bool:
    """Channel c of the output depends on channel c of each operand, or on an operand's only channel."""
    record, (h, w, c) = TABLE[op.kind], graph.result(op).hwc
    operands = record.operands(graph, op)
    if len(operands) != len([i for i in op.inputs if i is not None]) or any(t.hwc[2] not in (1, c) for t in operands):
        return False
    for channel in range(c):
        boxes = record.input_boxes(graph, op, Box(0, h, 0, w, channel, channel + 1))
        for tensor, box in zip(operands, boxes, strict=True):
            if tensor.hwc[2] == c and (box.c0, box.c1) != (channel, channel + 1):
                return False
    return True
