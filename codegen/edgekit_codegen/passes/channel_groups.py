"""Channel groups: a wide layer that ends in a single pixel, in groups of channels, one after the other.

A convolution of many channels before a global average is large, and so are the sums of that average, though one channel
needs little of either. Group after group, each channel is computed exactly as before, and the pixels are put together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE, linear
from ..ops.attributes import Concatenation
from ..ops.record import Rows, Window
from .by_channel import by_channel, is_dense, only_reader, part, sliced

COUNTS = (2, 4, 8, 16)

SMALLER = 2
"""Times that what a group keeps from row to row is smaller than the layer's input, which waits for all of them."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What is computed in `count` groups of channels: the operators from the convolution that writes tensor `first` to
    the one that writes tensor `last`, a single pixel."""

    first: TensorId
    last: TensorId
    count: int


def candidates(graph: Graph) -> Iterator[Groups]:
    """From a convolution of all input channels to the first single pixel that each of its channels alone leads to,
    where what is kept between the two is large beside the convolution's input."""
    for op in graph.ops:
        if is_dense(graph, op):
            chain = _chain(graph, op)
            last, source = graph.result(chain[-1]), graph.operand(op, 0)
            kept = max((_kept(graph, step) for step in chain[1:]), default=0)
            if _is_pixel(last) and kept * SMALLER > source.bytes:
                enough = [n for n in COUNTS if kept * SMALLER <= n * source.bytes]
                count = enough[0] if enough else COUNTS[-1]
                if graph.result(op).shape[-1] > (count - 1) * linear.TILE:
                    yield Groups(op.outputs[0], last.id, count)


def channel_groups(graph: Graph, groups: Groups) -> Graph:
    """The graph with those operators in groups of channels. Raises ValueError where it has no such operators."""
    begin = graph.producer(groups.first)
    chain = _chain(graph, begin) if begin is not None and is_dense(graph, begin) else []
    if not chain or chain[-1].outputs != (groups.last,) or groups.count < 1:
        raise ValueError(f"tensors {groups.first} to {groups.last} cannot be computed in groups of channels")
    tensors = dict(graph.tensors)
    channels = graph.result(chain[0]).shape[-1]
    size = -(-channels // (groups.count * linear.TILE)) * linear.TILE  # kernels compute as many channels at a time
    made: list[Op] = []
    parts: list[TensorId] = []
    for low in range(0, channels, size):
        high, source = min(low + size, channels), chain[0].inputs[0]
        for op in chain:
            constants = [sliced(tensors, graph, op, i, low, high) for i in range(1, len(op.inputs))]
            result = part(graph.result(op), max(tensors) + 1, -1, low, high)
            tensors[result.id] = result
            made.append(replace(op, inputs=(source, *constants), outputs=(result.id,)))
            source = result.id
        parts.append(made[-1].outputs[0])
    last = chain[-1]
    axis = len(graph.result(last).shape) - 1
    made.append(Op("concatenation", tuple(parts), last.outputs, Concatenation(axis), last.origin))
    ops: list[Op] = []
    for op in graph.ops:
        ops += made if op is last else [] if op in chain else [op]
    return graph.with_ops(tuple(ops), tensors)


def _chain(graph: Graph, op: Op) -> list[Op]:
    """The operators from one to the first single pixel, each of which alone reads the one before, channel by channel;
    as far as there are such."""
    chain = [op]
    while not _is_pixel(graph.result(chain[-1])):
        after = only_reader(graph, chain[-1].outputs[0])
        if after is None or not by_channel(graph, after):
            break
        chain.append(after)
    return chain


def _kept(graph: Graph, op: Op) -> int:
    """Bytes of sums, or of the rows of a window, that are there while it takes its input row by row."""
    record, x = TABLE[op.kind], graph.operand(op, 0)
    access, sums = record.access(graph, op), record.sums(graph, op)
    reach = min(access.dilation * (access.kernel - 1) + 1, x.hwc[0]) if isinstance(access, Window) else x.hwc[0]
    return sums or (0 if isinstance(access, Rows) else reach * x.bytes // x.hwc[0])


def _is_pixel(tensor: Tensor) -> bool:
    rows, pixels, _ = tensor.hwc
    return rows * pixels == 1


def layers(graph: Graph, groups: Groups) -> list[Op]:
    """The operators of all groups, in the graph that `channel_groups` made."""
    found: list[Op] = []
    joined = graph.producer(groups.last)
    for ident in () if joined is None else joined.inputs:
        op = None if ident is None else graph.producer(ident)
        while op is not None:
            found.append(op)
            source = op.inputs[0]
            op = None if is_dense(graph, op) or source is None else graph.producer(source)
    return found
