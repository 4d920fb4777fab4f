"""Buffers: what the packer places. Tensors that share bytes are one buffer, with one lifetime in schedule steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CodegenError, UnsupportedModel
from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Rows, Window
from ..schedule import walk
from ..schedule.types import Copy, Node, Pull, Push, Run, Schedule

ALIGN = 4
"""Bytes. Rows are read as words at most (float32, int32 accumulators, four int8 at once), and every byte of coarser
alignment may cost arena. What needs more is served by the region's base, which is aligned to a cache line."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that live together.

    tensors  the tensors that use these bytes, in order of their lives; empty for scratch
    op       the operator whose kernel scratch this is, or None
    size     bytes, a multiple of ALIGN
    first    first step at which it is live; ENTRY for graph inputs
    last     last step at which it is live, inclusive; the number of steps for graph outputs
    traffic  bytes that kernels read and write here in one inference, estimated by rows
    """

    tensors: tuple[TensorId, ...]
    op: int | None
    size: int
    first: int
    last: int
    traffic: int


ENTRY = -1
"""The time before the first step, when the caller fills the inputs."""


@dataclass(slots=True)
class _Group:
    """A buffer in the making."""

    tensors: list[TensorId]
    size: int
    first: int
    last: int
    traffic: int = 0


def align_up(value: int) -> int:
    return -(-value // ALIGN) * ALIGN


def buffers(graph: Graph, schedule: Schedule) -> tuple[Buffer, ...]:
    """Every buffer of the schedule. A step is one top-level node; a loop is one step in all its iterations.

    Raises UnsupportedModel where a constant would have to live in the arena, CodegenError for nodes it cannot place.
    """
    steps = walk.nodes(schedule)
    groups: dict[TensorId, _Group] = {}
    for ident in graph.inputs:
        _define(graph, groups, ident, ENTRY)
    scratch: list[Buffer] = []
    views = {op.outputs[0]: op for op in graph.ops if TABLE[op.kind].overlap is Overlap.VIEW}
    last_uses = _last_uses(graph, steps, views)
    for step, node in enumerate(steps):
        for index, op in _ops(graph, node):
            for tensor in _activations(graph, op):
                _resolve(graph, groups, views, tensor.id)
                group = groups[tensor.id]
                group.last = max(group.last, step)
                group.traffic += _read_bytes(graph, op, tensor)
            host = _in_place(graph, op, groups, last_uses, step) if isinstance(node, Run) else None
            for ident in op.outputs:
                _define(graph, groups, ident, step, host)
                groups[ident].traffic += graph.tensors[ident].bytes
            size = align_up(TABLE[op.kind].scratch(graph, op))
            if size:
                scratch.append(Buffer((), index, size, step, step, 2 * size * graph.result(op).hwc[0]))
    for ident in graph.outputs:
        _resolve(graph, groups, views, ident)
        groups[ident].last = len(steps)
    unique = {id(g): g for g in groups.values()}.values()
    placed = [Buffer(tuple(g.tensors), None, g.size, g.first, g.last, g.traffic) for g in unique]
    return (*placed, *scratch)


def live_bytes(items: tuple[Buffer, ...]) -> dict[int, int]:
    """Bytes live at every step at which something begins to live; the largest is reached at one of them."""
    return {t: sum(b.size for b in items if b.first <= t <= b.last) for t in sorted({b.first for b in items})}


def _ops(graph: Graph, node: Node) -> Iterator[tuple[int, Op]]:
    """The operators that a node runs, each once, with their indices."""
    seen: set[int] = set()
    for leaf in walk.leaves(node):
        if isinstance(leaf, Pull | Push | Copy):
            raise CodegenError("plan.schedule", f"the planner does not place {type(leaf).__name__} nodes")
        if isinstance(leaf, Run) and leaf.op not in seen:
            seen.add(leaf.op)
            yield leaf.op, graph.ops[leaf.op]


def _activations(graph: Graph, op: Op) -> Iterator[Tensor]:
    """The operands that lie in memory, in order; constant ones stay in flash."""
    return (tensor for tensor in TABLE[op.kind].operands(graph, op) if not tensor.is_constant)


def _define(
    graph: Graph, groups: dict[TensorId, _Group], ident: TensorId, step: int, host: _Group | None = None
) -> None:
    """A tensor begins to live, in bytes of its own or in those of `host`."""
    if host is None:
        groups[ident] = _Group([ident], align_up(graph.tensors[ident].bytes), step, step)
    else:
        host.tensors.append(ident)
        host.last = max(host.last, step)
        groups[ident] = host


def _resolve(graph: Graph, groups: dict[TensorId, _Group], views: dict[TensorId, Op], ident: TensorId) -> None:
    """Let a view join the bytes of what it shows."""
    if ident in groups:
        return
    if graph.tensors[ident].is_constant or ident not in views:
        raise UnsupportedModel(
            "unsupported.constant_output",
            f"'{graph.tensors[ident].name}' is a constant that would have to lie in memory",
            "remove the constant output or operator from the model",
        )
    source = graph.operand(views[ident], 0).id
    _resolve(graph, groups, views, source)
    groups[source].tensors.append(ident)
    groups[ident] = groups[source]


def _last_uses(graph: Graph, steps: tuple[Node, ...], views: dict[TensorId, Op]) -> dict[TensorId, int]:
    """The last step that reads each tensor, through views too; outputs are used after the last step."""
    last = {ident: len(steps) for ident in graph.outputs}
    for step, node in enumerate(steps):
        for _, op in _ops(graph, node):
            for tensor in _activations(graph, op):
                last[tensor.id] = max(last.get(tensor.id, ENTRY), step)
    for ident, op in reversed(views.items()):
        source = graph.operand(op, 0).id
        last[source] = max(last.get(source, ENTRY), last.get(ident, ENTRY))
    return last


def _in_place(
    graph: Graph, op: Op, groups: dict[TensorId, _Group], last_uses: dict[TensorId, int], step: int
) -> _Group | None:
    """The bytes of an input that dies here and whose rows the output's may replace, or None."""
    record = TABLE[op.kind]
    access = record.access(graph, op)
    if record.overlap is not Overlap.IN_PLACE or not isinstance(access, Rows):
        return None
    result = graph.result(op)
    for tensor, rows in zip(record.operands(graph, op), access.maps, strict=True):
        if rows is not None or tensor.is_constant:
            continue
        group = groups[tensor.id]
        dies = all(last_uses.get(member, ENTRY) <= step for member in group.tensors)
        if dies and tensor.hwc[0] == result.hwc[0] and tensor.bytes == result.bytes:
            return group
    return None


def _read_bytes(graph: Graph, op: Op, tensor: Tensor) -> int:
    """Bytes of a tensor that an operator's rows read, counting a row as often as windows cover it."""
    access = TABLE[op.kind].access(graph, op)
    if isinstance(access, Window):
        rows, pixels, channels = tensor.hwc
        covered = graph.result(op).hwc[0] * min(access.kernel, rows)
        return covered * pixels * channels * tensor.dtype.size
    return tensor.bytes
