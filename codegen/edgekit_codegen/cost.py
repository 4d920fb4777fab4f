"""What a graph costs besides memory, before anything is compiled: instructions, estimated, and bytes of weights, exact.

The estimate is for comparing schedules of one model.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    them."""
    return sum(_constants(graph, op, kernel_of(graph, op, target)) for op in _running(graph))


def instructions_of(graph: Graph, op: Op) -> float:
    """Instructions to compute all of an operator's output, row by row, estimated."""
    rows, pixels, _ = graph.result(op).hwc
    return rows * price(graph, op).of(pixels)


def _constants(graph: Graph, op: Op, kernel: Kernel) -> int:
    weights, requant = kernel.weights(graph, op), kernel.requant(graph, op)
    operands = sum(t.bytes for t in TABLE[op.kind].operands(graph, op) if t.is_constant)
    epilogue = 0 if requant is None else sum(a.nbytes for a in (requant.bias, requant.multiplier, requant.shift))
    return operands + epilogue + (0 if weights is None else weights.nbytes)


def _running(graph: Graph) -> Iterator[Op]:
    return (op for op in graph.ops if TABLE[op.kind].kernel is not None)
