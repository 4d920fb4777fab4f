"""What a graph costs besides memory, before anything is compiled: instructions, estimated, and bytes of weights, exact.

The estimate is for comparing schedules of one model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .ir.types import Graph, Op
from .ops import TABLE
from .ops.record import Kernel
from .prices import price
from .providers import kernel_of
from .target import Target


def instructions(graph: Graph) -> int:
    """Instructions of one inference layer by layer, estimated."""
    return round(sum(instructions_of(graph, op) for op in _running(graph)))


def weights_bytes(graph: Graph, target: Target) -> int:
    """Bytes of the weights, epilogues and constant operands that the target's kernels read, exact; no padding between
    them. What layers have in common is there once."""
    tables = {table for op in _running(graph) for table in _constants(graph, op, kernel_of(graph, op, target))}
    return sum(len(contents) for _, contents in tables)


def instructions_of(graph: Graph, op: Op) -> float:
    """Instructions to compute all of an operator's output, row by row, estimated."""
    rows, pixels, _ = graph.result(op).hwc
    return rows * price(graph, op).of(pixels)


def _constants(graph: Graph, op: Op, kernel: Kernel) -> Iterator[tuple[str, bytes]]:
    """The tables that a layer reads, by type and contents."""
    weights, requant = kernel.weights(graph, op), kernel.requant(graph, op)
    if weights is not None:
        yield weights.dtype.name, weights.tobytes()
    if requant is not None:
        yield "requant", np.stack([requant.bias, requant.multiplier, requant.shift], axis=1).tobytes()
    for tensor in TABLE[op.kind].operands(graph, op):
        if tensor.data is not None:
            yield tensor.dtype.value, tensor.data.tobytes()


def _running(graph: Graph) -> Iterator[Op]:
    return (op for op in graph.ops if TABLE[op.kind].kernel is not None)
