"""Buffers: what the packer places. Tensors that share bytes are one buffer, with one lifetime in schedule steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import CodegenError, UnsupportedModel
from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Rows, Window
from ..schedule import walk
from ..schedule.types import Copy, Node, Pull, Push, Run, Schedule
from .places import ALIGN, Places


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that live together.

    tensors  the tensors that use these bytes, in order of their lives; empty for scratch
    begins   where each of them begins, in bytes from the buffer's start
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
    begins: tuple[int, ...] = ()


ENTRY = -1
"""The time before the first step, when the caller fills the inputs."""


@dataclass(slots=True)
class _Group:
    """A buffer in the making.

    begins  of its tensors, in order of their lives
    needed  the last step at which any of its tensors is read, so far as those families are known that lie in it
    """

    size: int
    first: int
    last: int
    needed: int
    traffic: int = 0
    begins: dict[TensorId, int] = field(default_factory=dict)


def align_up(value: int) -> int:
    return -(-value // ALIGN) * ALIGN


def buffers(graph: Graph, schedule: Schedule) -> tuple[Buffer, ...]:
    """Every buffer of the schedule. A step is one top-level node; a loop is one step in all its iterations.

    Raises UnsupportedModel where a constant would have to live in the arena, CodegenError for nodes it cannot place
    and for operators that neither run nor move nothing.
    """
    return _Layout(graph, schedule).buffers()


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


class _Layout:
    """The buffers of one schedule, step by step."""

    def __init__(self, graph: Graph, schedule: Schedule) -> None:
        self.graph = graph
        self.steps = walk.nodes(schedule)
        self.places = _places(graph, schedule)
        self.groups: dict[TensorId, _Group] = {}
        self.last_uses = _last_uses(graph, self.steps)

    def buffers(self) -> tuple[Buffer, ...]:
        graph = self.graph
        for ident in graph.inputs:
            self._define(ident, ENTRY)
        scratch: list[Buffer] = []
        for step, node in enumerate(self.steps):
            for index, op in _ops(graph, node):
                for tensor in _activations(graph, op):
                    group = self._resolve(tensor.id)
                    group.last = max(group.last, step)
                    group.traffic += _read_bytes(graph, op, tensor)
                host = self._in_place(op, step) if isinstance(node, Run) else None
                for ident in op.outputs:
                    self._define(ident, step, host)
                    self.groups[ident].traffic += graph.tensors[ident].bytes
                size = align_up(TABLE[op.kind].scratch(graph, op))
                if size:
                    scratch.append(Buffer((), index, size, step, step, 2 * size * graph.result(op).hwc[0]))
        for ident in graph.outputs:
            self._resolve(ident).last = len(self.steps)
        unique = {id(g): g for g in self.groups.values()}.values()
        placed = [
            Buffer(tuple(g.begins), None, g.size, g.first, g.last, g.traffic, tuple(g.begins.values())) for g in unique
        ]
        return (*placed, *scratch)

    def _define(self, ident: TensorId, step: int, host: TensorId | None = None) -> None:
        """A tensor begins to live: with its family where that has bytes already, in those of `host`, or in new ones."""
        members = self.places.members(ident)
        begin = members[ident]
        needed = max(self.last_uses.get(member, ENTRY) for member in members)
        group = next((self.groups[member] for member in members if member in self.groups), None)
        if group is None and host is not None:
            group = self.groups[host]
            begin = group.begins[host]
        elif group is None:
            size = max(first + self.graph.tensors[member].bytes for member, first in members.items())
            group = _Group(align_up(size), step, step, needed)
        group.begins[ident] = begin
        group.last = max(group.last, step)
        group.needed = max(group.needed, needed)
        self.groups[ident] = group

    def _resolve(self, ident: TensorId) -> _Group:
        """The bytes of a tensor that is read; a view joins those of its family."""
        if ident in self.groups:
            return self.groups[ident]
        members = {} if self.graph.tensors[ident].is_constant else self.places.members(ident)
        known = next((member for member in members if member in self.groups), None)
        if known is None:
            raise UnsupportedModel(
                "unsupported.constant_output",
                f"'{self.graph.tensors[ident].name}' is a constant that would have to lie in memory",
                "remove the constant output or operator from the model",
            )
        group = self.groups[known]
        group.begins[ident] = group.begins[known] + members[ident] - members[known]
        self.groups[ident] = group
        return group

    def _in_place(self, op: Op, step: int) -> TensorId | None:
        """An input that dies here, with everything in its bytes, and whose rows the output's may replace; or None.

        The output brings no more than views of its own.
        """
        record, result = TABLE[op.kind], self.graph.result(op)
        access = record.access(self.graph, op)
        if record.overlap is not Overlap.IN_PLACE or not isinstance(access, Rows):
            return None
        family = self.places.members(result.id)
        if any(first + self.graph.tensors[member].bytes > result.bytes for member, first in family.items()):
            return None
        for tensor, rows in zip(record.operands(self.graph, op), access.maps, strict=True):
            if rows is not None or tensor.is_constant:
                continue
            dies = self.groups[tensor.id].needed <= step
            if dies and tensor.hwc[0] == result.hwc[0] and tensor.bytes == result.bytes:
                return tensor.id
        return None


def _places(graph: Graph, schedule: Schedule) -> Places:
    """Where the operators that the schedule does not run let their tensors lie."""
    running = set(walk.layers(schedule))
    places = Places(graph, (*graph.inputs, *(i for n in running for i in graph.ops[n].outputs)))
    for index, op in enumerate(graph.ops):
        if index not in running and not places.share(op):
            raise CodegenError("plan.schedule", f"{op.kind} (operator {index}) does not run, but it moves elements")
    return places


def _last_uses(graph: Graph, steps: tuple[Node, ...]) -> dict[TensorId, int]:
    """The last step that reads each tensor itself; outputs are used after the last step."""
    last = {ident: len(steps) for ident in graph.outputs}
    for step, node in enumerate(steps):
        for _, op in _ops(graph, node):
            for tensor in _activations(graph, op):
                last[tensor.id] = max(last.get(tensor.id, ENTRY), step)
    return last


def _read_bytes(graph: Graph, op: Op, tensor: Tensor) -> int:
    """Bytes of a tensor that an operator's rows read, counting a row as often as windows cover it."""
    access = TABLE[op.kind].access(graph, op)
    if isinstance(access, Window):
        rows, pixels, channels = tensor.hwc
        covered = graph.result(op).hwc[0] * min(access.kernel, rows)
        return covered * pixels * channels * tensor.dtype.size
    return tensor.bytes
