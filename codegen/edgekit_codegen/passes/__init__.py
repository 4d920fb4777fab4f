"""Exact rewrites of the graph: the reference gives the same bytes before and after, whatever the input."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import IllegalGraph
from ..ir.types import Graph
from ..ir.verify import verify
from ..ops import TABLE
from .cancel_noops import cancel_noops
from .drop_dead_channels import drop_dead_channels
from .fold_constant_channels import fold_constant_channels
from .fold_pad import fold_pad
from .fuse_activation import fuse_activation
from .fuse_lookups import fuse_lookups
from .pointwise_as_fully_connected import pointwise_as_fully_connected

__all__ = [
    "Optimized",
    "PassReport",
    "cancel_noops",
    "drop_dead_channels",
    "fold_constant_channels",
    "fold_pad",
    "fuse_activation",
    "fuse_lookups",
    "macs",
    "optimize",
    "pointwise_as_fully_connected",
]

_PASSES = (
    cancel_noops,
    fold_pad,
    fuse_activation,
    fuse_lookups,
    fold_constant_channels,
    drop_dead_channels,
    pointwise_as_fully_connected,
)


@dataclass(frozen=True, slots=True)
class PassReport:
    """One run of a pass.

    changed  one line for people per rewrite; empty when it found nothing
    macs     of one inference; bytes are those of constants
    """

    name: str
    changed: tuple[str, ...]
    macs_before: int
    macs_after: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class Optimized:
    """The rewritten graph, and what each pass did, in order."""

    graph: Graph
    steps: tuple[PassReport, ...]


def optimize(graph: Graph) -> Optimized:
    """Run every pass until none finds anything; the graph is verified after each.

    Inputs and outputs keep their ids, shapes and types. Raises IllegalGraph when a pass breaks a rule of the IR.
    """
    steps: list[PassReport] = []
    current = graph
    for _ in range(
        2 * len(graph.ops) + 1
    ):  # each round but the last removes an operator or frees one of its dimensions
        before = current
        for rewrite in _PASSES:
            name, work, constants = rewrite.__name__, macs(current), constant_bytes(current)
            result = rewrite(current)
            if result.changes:
                current = verify(result.graph, name)
                _check_edges(graph, current, name)
            if result.changes or len(steps) < len(_PASSES):
                steps.append(PassReport(name, result.changes, work, macs(current), constants, constant_bytes(current)))
        if current is before:
            break
    return Optimized(current, tuple(steps))


def macs(graph: Graph) -> int:
    """Multiply-accumulates of one inference."""
    return sum(TABLE[op.kind].macs(graph, op) for op in graph.ops)


def constant_bytes(graph: Graph) -> int:
    """Bytes of the constants that operators name: weights, biases, tables."""
    return sum(tensor.bytes for tensor in graph.tensors.values() if tensor.is_constant)


def _check_edges(before: Graph, after: Graph, name: str) -> None:
    for ident in (*before.inputs, *before.outputs):
        old, new = before.tensors[ident], after.tensors.get(ident)
        if new is None or (new.shape, new.dtype, new.quant) != (old.shape, old.dtype, old.quant):
            raise IllegalGraph("graph.illegal", f"after {name}: input or output tensor {ident} ({old.name}) changed")
    if (before.inputs, before.outputs) != (after.inputs, after.outputs):
        raise IllegalGraph("graph.illegal", f"after {name}: the model's inputs or outputs changed")
