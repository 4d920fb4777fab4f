"""Buffers: what the packer places. Tensors that share bytes are one buffer, whose rows live and die one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import CodegenError, UnsupportedModel
from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Rows, Window
from ..schedule import walk
from ..schedule.reach import Index, Reaches
from ..schedule.types import Schedule
from .lives import ENTRY, Lives, RowLives, lives, merged, ring_rows
from .places import ALIGN, Places

__all__ = ["ENTRY", "Buffer", "Spans", "buffers", "live_bytes"]


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The parts of a buffer that live on their own, as arrays of one length.

    begin, end   the bytes of each part, from the buffer's start
    first, last  the times between which it is live, inclusive
    """

    begin: Index
    end: Index
    first: Index
    last: Index


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are placed together.

    tensors  the tensors that use these bytes, in order of their lives; empty for scratch
    op       the operator whose kernel scratch this is, or None
    size     bytes, a multiple of ALIGN
    first    first time at which any of it is live (lives.py); ENTRY for graph inputs
    last     last time at which any of it is live, inclusive
    traffic  bytes that kernels read and write here in one inference, estimated by rows
    begins   where each of the tensors begins, in bytes from the buffer's start
    slots    row y of the tensors lives in slot y mod slots; 0 where each tensor has a place for every row
    slot     the one slot that these bytes are; None where they are all of them, one after the other
    spans    the lives of its parts; None where all of it lives from `first` to `last`
    """

    tensors: tuple[TensorId, ...]
    op: int | None
    size: int
    first: int
    last: int
    traffic: int
    begins: tuple[int, ...] = ()
    slots: int = 0
    slot: int | None = None
    spans: Spans | None = None


@dataclass(slots=True)
class _Group:
    """A buffer in the making: its tensors and where they begin, in order of their lives.

    size  bytes from the lowest of them to the end of the highest
    """

    size: int
    traffic: int = 0
    begins: dict[TensorId, int] = field(default_factory=dict)


def align_up(value: int) -> int:
    return -(-value // ALIGN) * ALIGN


def buffers(graph: Graph, schedule: Schedule, reaches: Reaches | None = None) -> tuple[Buffer, ...]:
    """Every buffer of the schedule. reaches: kept from one schedule of a graph to the next, for speed.

    Raises UnsupportedModel where a constant would have to live in the arena, CodegenError for nodes it cannot place
    and for operators that neither run nor move nothing.
    """
    return _Layout(graph, schedule, reaches or Reaches()).buffers()


def live_bytes(items: Sequence[Buffer], whole_slots: bool = False) -> dict[int, int]:
    """Bytes live at every time at which something begins to live; the largest is reached at one of them.

    whole_slots  a ring's slot counts from its first row's begin to its last row's end, also between two rows: no other
                 buffer can use it then, unless it is a ring in step with this one
    """
    if not items:
        return {}
    parts = [_slots_of(item) if whole_slots and item.slots else spans_of(item) for item in items]
    size = np.concatenate([p.end - p.begin for p in parts])
    first, last = np.concatenate([p.first for p in parts]), np.concatenate([p.last for p in parts])
    times = np.unique(first)
    return dict(zip(times.tolist(), _at(times, first, last, size).tolist(), strict=True))


def lower_bound(items: Sequence[Buffer]) -> int:
    """Bytes, in whole words, that no placement of the buffers can go below: the most that are live at a time."""
    return align_up(max(live_bytes(items).values(), default=0))


def live_at(item: Buffer, time: int) -> int:
    """The bytes of a buffer that are live at a time."""
    spans = spans_of(item)
    return int((spans.end - spans.begin)[(spans.first <= time) & (time <= spans.last)].sum())


def _at(times: Index, first: Index, last: Index, size: Index) -> Index:
    """The bytes live at each of the times, which are those of `first` without repetition."""
    change = np.bincount(np.searchsorted(times, first), size, len(times) + 1)
    change -= np.bincount(np.searchsorted(times, last, side="right"), size, len(times) + 1)
    return np.cumsum(change)[: len(times)].astype(np.int64)


def spans_of(item: Buffer) -> Spans:
    """The parts of a buffer; itself where it is one."""
    if item.spans is not None:
        return item.spans
    return Spans(*(np.array([value], np.int64) for value in (0, item.size, item.first, item.last)))


def _slots_of(item: Buffer) -> Spans:
    """The slots of a ring, each from its first row's begin to its last row's end."""
    rows = spans_of(item)
    slots = slice(0, item.slots)
    slot, first, last = np.arange(len(rows.last)) % item.slots, rows.first[slots].copy(), rows.last[slots].copy()
    np.minimum.at(first, slot, rows.first)
    np.maximum.at(last, slot, rows.last)
    return Spans(rows.begin[slots], rows.end[slots], first, last)


class _Layout:
    """The buffers of one schedule, operator by operator."""

    def __init__(self, graph: Graph, schedule: Schedule, reaches: Reaches) -> None:
        self.graph = graph
        self.lives: Lives = lives(graph, schedule, reaches)
        self.places = _places(graph, schedule)
        self.groups: dict[TensorId, _Group] = {}

    def buffers(self) -> tuple[Buffer, ...]:
        graph = self.graph
        for ident in graph.inputs:
            self._define(ident)
        scratch: list[Buffer] = []
        for index, call in self.lives.calls.items():
            op = graph.ops[index]
            for tensor in _activations(graph, op):
                self._resolve(tensor.id).traffic += _read_bytes(graph, op, tensor)
            for ident in op.outputs:
                self._define(ident, self._in_place(index))
                self.groups[ident].traffic += graph.tensors[ident].bytes
            size = align_up(TABLE[op.kind].scratch(graph, op))
            if size:
                rows = len(call.first)
                begin = np.zeros(rows, np.int64)
                spans = Spans(begin, begin + size, call.first, call.last)
                scratch.append(
                    Buffer((), index, size, int(call.first.min()), int(call.last.max()), 2 * size * rows, spans=spans)
                )
        for ident in graph.outputs:
            self._resolve(ident)
        unique = {id(g): g for g in self.groups.values()}.values()
        return (*(self._buffer(group) for group in unique), *scratch)

    def _define(self, ident: TensorId, host: TensorId | None = None) -> None:
        """A tensor begins to live: with its family where that has bytes already, in those of `host`, or in new ones."""
        members = self.places.members(ident)
        begin = members[ident]
        group = next((self.groups[member] for member in members if member in self.groups), None)
        if group is None and host is not None:
            group = self.groups[host]
            begin = group.begins[host]
        elif group is None:
            group = _Group(max(first + self.graph.tensors[member].bytes for member, first in members.items()))
        group.begins[ident] = begin
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

    def _in_place(self, index: int) -> TensorId | None:
        """An input whose rows, with everything in their bytes, die when the output's replace them; or None.

        The output brings no more than views of its own.
        """
        op = self.graph.ops[index]
        record, result = TABLE[op.kind], self.graph.result(op)
        access = record.access(self.graph, op)
        if record.overlap is not Overlap.IN_PLACE or not isinstance(access, Rows):
            return None
        family = self.places.members(result.id)
        if any(first + self.graph.tensors[member].bytes > result.bytes for member, first in family.items()):
            return None
        for tensor, rows in zip(record.operands(self.graph, op), access.maps, strict=True):
            alike = rows is None and tensor.hwc[0] == result.hwc[0] and tensor.bytes == result.bytes
            if alike and not tensor.is_constant and self._dies(tensor.id, index):
                return tensor.id
        return None

    def _dies(self, ident: TensorId, index: int) -> bool:
        """Whether nothing in the bytes of an operand's rows is needed once the operator has computed those rows."""
        call, rows, shared = self.lives.calls[index], self.graph.tensors[ident].hwc[0], self._sharing(ident)
        for other in shared:
            known = self.lives.rows.get(other)
            if known is None:
                continue
            alike = self.graph.tensors[other].hwc[0] == rows and shared[other] == shared[ident]
            if (known.dies > call.last).any() if alike else known.dies.max() >= call.first.min():
                return False
        return True

    def _sharing(self, ident: TensorId) -> dict[TensorId, int]:
        """The tensors that lie in the bytes that hold a tensor, now or later, and where they begin."""
        group = self.groups[ident]
        found = dict(group.begins)
        for known, begin in group.begins.items():
            family = self.places.members(known)
            found.update((member, begin + first - family[known]) for member, first in family.items())
        return found

    def _buffer(self, group: _Group) -> Buffer:
        """The group's lives: row by row where its tensors consist of the same rows, otherwise as one."""
        tensors = [self.graph.tensors[ident] for ident in group.begins]
        known = [self.lives.rows[t.id] for t in tensors]
        first, last = min(int(k.born.min()) for k in known), max(int(k.dies.max()) for k in known)
        begins = tuple(group.begins.values())
        idents = tuple(group.begins)
        size, rows = align_up(group.size), tensors[0].hwc[0]
        alike = {(begin, t.hwc[0], t.bytes) for begin, t in zip(begins, tensors, strict=True)}
        if len(alike) > 1 or begins[0] != 0 or tensors[0].bytes != group.size or rows == 1:
            return Buffer(idents, None, size, first, last, group.traffic, begins)
        life = merged(known)
        slots, pitch = ring_rows(life), group.size // rows
        size = align_up(slots * pitch)
        spans = _row_spans(life, slots, pitch)
        return Buffer(idents, None, size, first, last, group.traffic, begins, slots % rows, None, spans)


def _row_spans(life: RowLives, slots: int, pitch: int) -> Spans:
    slot = np.arange(len(life.born), dtype=np.int64) % slots
    return Spans(slot * pitch, (slot + 1) * pitch, life.born, life.dies)


def _activations(graph: Graph, op: Op) -> Iterator[Tensor]:
    """The operands that lie in memory, in order; constant ones stay in flash."""
    return (tensor for tensor in TABLE[op.kind].operands(graph, op) if not tensor.is_constant)


def _places(graph: Graph, schedule: Schedule) -> Places:
    """Where the operators that the schedule does not run let their tensors lie."""
    running = set(walk.layers(schedule))
    places = Places(graph, (*graph.inputs, *(i for n in running for i in graph.ops[n].outputs)))
    for index, op in enumerate(graph.ops):
        if index not in running and not places.share(op):
            raise CodegenError("plan.schedule", f"{op.kind} (operator {index}) does not run, but it moves elements")
    return places


def _read_bytes(graph: Graph, op: Op, tensor: Tensor) -> int:
    """Bytes of a tensor that an operator's rows read, counting a row as often as windows cover it."""
    access = TABLE[op.kind].access(graph, op)
    if isinstance(access, Window):
        rows, pixels, channels = tensor.hwc
        covered = graph.result(op).hwc[0] * min(access.kernel, rows)
        return covered * pixels * channels * tensor.dtype.size
    return tensor.bytes
