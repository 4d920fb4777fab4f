"""Channel split: the hidden channels of a bottleneck in groups, one after the other, whose products add up in int32.

An expansion's output is wide, and what a pointwise convolution makes of it is narrow. Each channel between the two is
computed from one channel of the expansion, so a group of them is computed, and multiplied into the sums of the narrow
one, before the next group begins. Sums of integers do not depend on their order: nothing is computed twice, and every
value stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from ..ir.types import DType, Graph, Op, Quant, Tensor, TensorId
from ..ops import linear
from ..ops.attributes import Conv2D, Padding, PartialSums, RequantizeSums
from .by_channel import REDUCTIONS, by_channel, is_dense, only_reader, part, sliced

COUNTS = (2, 3, 4, 6, 8, 12, 16)


@dataclass(frozen=True, slots=True)
class Split:
    """What is computed in `count` groups of hidden channels: the operators from the convolution that writes tensor
    `first` to the pointwise one that writes tensor `last`."""

    first: TensorId
    last: TensorId
    count: int


def chains(graph: Graph) -> Iterator[tuple[Op, ...]]:
    """The operators from each convolution of all input channels to the pointwise one that its output leads to, through
    operators of single channels that nothing else reads."""
    for op in graph.ops:
        chain = _chain(graph, op) if is_dense(graph, op) else ()
        if chain:
            yield chain


def size_of(graph: Graph, chain: tuple[Op, ...], count: int) -> int:
    """Hidden channels of each of `count` groups but the last, which may have fewer; whole tiles of the kernels."""
    return -(-graph.result(chain[0]).shape[-1] // (count * linear.TILE)) * linear.TILE


def channel_split(graph: Graph, split: Split) -> Graph:
    """The graph with those operators in groups. Raises ValueError where it has no such operators."""
    begin = graph.producer(split.first)
    chain = _chain(graph, begin) if begin is not None and is_dense(graph, begin) else ()
    if not chain or chain[-1].outputs != (split.last,) or split.count < 1:
        raise ValueError(f"tensors {split.first} to {split.last} cannot be split into groups of hidden channels")
    tensors = dict(graph.tensors)
    *inner, last = chain
    sums, made = _begin(graph, last, tensors), list[Op]()
    hidden, size = graph.result(chain[0]).shape[-1], size_of(graph, chain, split.count)
    for low in range(0, hidden, size):
        high, source = min(low + size, hidden), inner[0].inputs[0]
        for op in inner:
            constants = [sliced(tensors, graph, op, i, low, high) for i in range(1, len(op.inputs))]
            result = part(graph.result(op), max(tensors) + 1, -1, low, high)
            tensors[result.id] = result
            made.append(replace(op, inputs=(source, *constants), outputs=(result.id,)))
            source = result.id
        weights = part(graph.operand(last, 1), max(tensors) + 1, 3, low, high)
        tensors[weights.id] = weights
        added = _sums(graph, last, max(tensors) + 1, f"[{low}:{high}]")
        tensors[added.id] = added
        made.append(Op("partial_sums", (sums, source, weights.id), (added.id,), PartialSums(), last.origin))
        sums = added.id
    attrs = RequantizeSums(cast(Conv2D, last.attrs).activation)
    made.append(Op("requantize_sums", (sums,), last.outputs, attrs, last.origin))
    ops: list[Op] = []
    for op in graph.ops:
        ops += made if op is last else [] if op in chain else [op]
    return graph.with_ops(tuple(ops), tensors)


def layers(graph: Graph, split: Split) -> list[Op]:
    """The operators of all groups, with their sums, in the graph that `channel_split` made."""
    op, found = graph.producer(split.last), list[Op]()
    while op is not None and op.kind in ("requantize_sums", "partial_sums"):
        found.append(op)
        inner = _writer(graph, op, 1) if op.kind == "partial_sums" else None
        while inner is not None:
            found.append(inner)
            inner = None if is_dense(graph, inner) else _writer(graph, inner, 0)
        op = _writer(graph, op, 0)
    return found


def _writer(graph: Graph, op: Op, position: int) -> Op | None:
    return graph.producer(graph.operand(op, position).id)


def _begin(graph: Graph, op: Op, tensors: dict[TensorId, Tensor]) -> TensorId:
    """What the sums begin with: the bias, less what the input's zero point adds to the products."""
    x, weights, bias = graph.operand(op, 0), graph.operand(op, 1), graph.operands(op)[2]
    assert weights.data is not None
    matrix = weights.data.reshape(weights.shape[0], -1)
    begin = linear.epilogue(bias, matrix, x.zero_point, (0.0,) * len(matrix)).bias
    ident = max(tensors) + 1
    data = begin.reshape(1, 1, 1, -1)
    tensors[ident] = Tensor(ident, f"{graph.result(op).name}[begin]", data.shape, DType.INT32, None, data)
    return ident


def _sums(graph: Graph, op: Op, ident: TensorId, which: str) -> Tensor:
    """The sums of a pointwise convolution, in the scales of its products."""
    x, weights, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    assert weights.quant is not None
    scale = tuple(x.scale * s for s in weights.quant.scale)
    quant = Quant(scale, (0,) * len(scale), 3 if len(scale) > 1 else 0)
    return Tensor(ident, f"{out.name}{which}", out.shape, DType.INT32, quant)


def _chain(graph: Graph, op: Op) -> tuple[Op, ...]:
    """() where the operator's channels lead anywhere else than to one pointwise convolution."""
    chain = [op]
    while (after := only_reader(graph, chain[-1].outputs[0])) is not None:
        chain.append(after)
        if _is_pointwise(graph, after):
            return tuple(chain)
        if not by_channel(graph, after) or after.kind in REDUCTIONS:
            break
    return ()


def _is_pointwise(graph: Graph, op: Op) -> bool:
    """Whether a convolution computes each pixel from all channels of the same pixel."""
    if not is_dense(graph, op) or graph.operand(op, 1).shape[1:3] != (1, 1):
        return False
    attrs = cast(Conv2D, op.attrs)
    return attrs.stride == (1, 1) and attrs.padding == Padding() and graph.operand(op, 0).dtype is DType.INT8
