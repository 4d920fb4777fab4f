"""The buffers of a schedule: tensors that share bytes are one, whose rows live and die one by one."""

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
from .buffer import Buffer, Spans, align_up
from .calls import Call, Tile, Transfer
from .lives import Lives, RowLives, lives, merged, ring_rows
from .places import Places


@dataclass(slots=True)
class _Group:
    """A buffer in the making: its tensors and where they begin, in order of their lives.

    size  bytes from the lowest of them to the end of the highest
    """

    size: int
    traffic: int = 0
    begins: dict[TensorId, int] = field(default_factory=dict)


def buffers(graph: Graph, schedule: Schedule, reaches: Reaches | None = None) -> tuple[Buffer, ...]:
    """Every buffer of the schedule, without inputs that lie in the caller's memory. reaches: kept from one schedule of
    a graph to the next, for speed.

    Raises UnsupportedModel where a constant would have to live in the arena, CodegenError for nodes it cannot place
    and for operators that neither run nor move nothing.
    """
    return _Layout(graph, schedule, reaches or Reaches()).buffers()[0]


def outside(graph: Graph, schedule: Schedule) -> tuple[Buffer, ...]:
    """The inputs that lie in the caller's memory, each with its views."""
    return _Layout(graph, schedule, Reaches()).buffers()[1] if graph.outside else ()


class _Layout:
    """The buffers of one schedule, operator by operator."""

    def __init__(self, graph: Graph, schedule: Schedule, reaches: Reaches) -> None:
        self.graph = graph
        self.lives: Lives = lives(graph, schedule, reaches)
        self.places = _places(graph, schedule)
        self.groups: dict[TensorId, _Group] = {}

    def buffers(self) -> tuple[tuple[Buffer, ...], tuple[Buffer, ...]]:
        """Those of the arena, and the inputs outside of it."""
        graph = self.graph
        for ident in graph.inputs:
            self._define(ident)
        apart: list[Buffer] = []
        for index, call in self.lives.calls.items():
            op = graph.ops[index]
            for tensor in _activations(graph, op):
                if tensor.id not in self.lives.tiled:
                    self._resolve(tensor.id).traffic += _read_bytes(graph, op, tensor)
            for ident in op.outputs:
                if call.tile is not None:
                    apart.append(self._tile(ident, call.tile))
                    apart += self._lines(ident, call.tile)
                else:
                    self._define(ident, self._in_place(index))
                    self.groups[ident].traffic += graph.tensors[ident].bytes
            apart += _scratch(graph, call)
        for ident in graph.outputs:
            self._resolve(ident)
        apart += [self._fresh(ident, move) for ident, move in self.lives.moved.items()]
        unique = {id(g): g for g in self.groups.values()}.values()
        outer = [group for group in unique if not graph.outside.isdisjoint(group.begins)]
        inner = [self._buffer(group) for group in unique if graph.outside.isdisjoint(group.begins)]
        return (*inner, *apart), tuple(self._buffer(group) for group in outer)

    def _tile(self, ident: TensorId, tile: Tile) -> Buffer:
        """What is there of a tensor that is computed in tiles, in every turn."""
        life, tensor = self.lives.rows[ident], self.graph.tensors[ident]
        size = align_up(tile.rows * tile.pixels * tensor.hwc[2] * tensor.dtype.size)
        spans = _again(size, life.born, life.dies)
        first, last = int(life.born.min()), int(life.dies.max())
        traffic = 2 * size * len(life.born)
        return Buffer((ident,), None, size, first, last, traffic, (0,), tile.rows, None, spans, tile)

    def _lines(self, ident: TensorId, tile: Tile) -> Iterator[Buffer]:
        """The rows of a tensor in tiles that the next turn reads too: a line is taken from the turn that first keeps a
        row in it until the last one."""
        life, tensor = self.lives.rows[ident], self.graph.tensors[ident]
        if not tile.lines:
            return
        pitch = tensor.bytes // tensor.hwc[0]
        line, y = np.arange(tile.lines, dtype=np.int64), np.arange(tensor.hwc[0], dtype=np.int64)
        turn, place = np.divmod(y - tile.row.const, sum(k for _, k in tile.row.terms))
        kept = (place >= tile.rows - min(tile.lines, tile.rows)) & (turn < len(life.born))
        end = int(life.dies.max())
        first = np.array([life.born[turn[kept & (y % tile.lines == n)]].min(initial=end + 1) for n in line])
        last = np.full_like(first, end)
        spans = Spans(line * pitch, (line + 1) * pitch, first, last)
        size, begin = align_up(tile.lines * pitch), int(first.min())
        yield Buffer((ident,), None, size, begin, end, 2 * tensor.bytes, (0,), spans=spans, lines=tile.lines)

    def _fresh(self, ident: TensorId, move: Transfer) -> Buffer:
        """Where the rows of a turn are until they move into their ring."""
        tensor, life = self.graph.tensors[ident], self.lives.rows[ident]
        size = align_up(move.rows * (tensor.bytes // tensor.hwc[0]))
        turns = np.arange(0, len(move.times), move.rows)
        born = np.minimum.reduceat(life.born, turns)
        left = np.maximum.reduceat(np.where(move.stays, life.dies, move.times), turns)
        first, last, spans = int(born.min()), int(left.max()), _again(size, born, left)
        return Buffer((ident,), None, size, first, last, tensor.bytes, (0,), spans=spans, fresh=move.rows)

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
        op, call = self.graph.ops[index], self.lives.calls[index]
        record, result = TABLE[op.kind], self.graph.result(op)
        if call.low is not None or call.adds or result.id in self.lives.moved:
            return None
        access = Rows() if call.planar else record.access(self.graph, op)
        in_rows = record.overlap is Overlap.IN_PLACE and call.once is None
        if not (in_rows or call.planar) or not isinstance(access, Rows):
            return None
        family = self.places.members(result.id)
        if any(first + self.graph.tensors[member].bytes > result.bytes for member, first in family.items()):
            return None
        for tensor, rows in zip(record.operands(self.graph, op), access.maps, strict=True):
            alike = rows is None and tensor.hwc[0] == result.hwc[0] and tensor.bytes == result.bytes
            alike = alike and tensor.dtype is result.dtype
            kept = not tensor.is_constant and tensor.id not in self.lives.tiled | self.lives.moved.keys()
            kept = kept and self.graph.outside.isdisjoint(self._resolve(tensor.id).begins)
            if alike and kept and self._dies(tensor.id, index):
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
        known = [self._in_ring(t.id) for t in tensors]
        first, last = min(int(k.born.min()) for k in known), max(int(k.dies.max()) for k in known)
        begins = tuple(group.begins.values())
        idents = tuple(group.begins)
        size, rows = align_up(group.size), tensors[0].hwc[0]
        alike = [(begin, t.hwc[0], t.bytes) for begin, t in zip(begins, tensors, strict=True)]
        if len(set(alike)) > 1:
            whole = [begin == 0 and t.bytes == group.size for begin, t in zip(begins, tensors, strict=True)]
            spans = _phases(known, alike, whole, group.size) if whole[0] or whole[-1] else None
            return Buffer(idents, None, size, first, last, group.traffic, begins, spans=spans)
        if begins[0] != 0 or tensors[0].bytes != group.size or rows == 1:
            return Buffer(idents, None, size, first, last, group.traffic, begins)
        life = merged(known)
        slots, pitch = ring_rows(life), group.size // rows
        size = align_up(slots * pitch)
        spans = _row_spans(life, slots, pitch)
        return Buffer(idents, None, size, first, last, group.traffic, begins, slots % rows, None, spans)

    def _in_ring(self, ident: TensorId) -> RowLives:
        """The lives of a tensor's rows; of those that are computed somewhere else, from when they have moved."""
        life, moved = self.lives.rows[ident], self.lives.moved.get(ident)
        if moved is None:
            return life
        return RowLives(moved.times, np.where(moved.stays, moved.times - 1, np.maximum(life.dies, moved.times)))


def _phases(known: Sequence[RowLives], alike: Sequence[object], whole: Sequence[bool], size: int) -> Spans:
    """The lives of bytes that tensors of different rows share: row by row they are written until a tensor comes that is
    not like the first one, and row by row they die behind those that are not like the last one. Between the two all are
    taken: what is read there may be another tensor's view of them.

    alike, whole  per tensor, in order of their lives: where it begins and what its rows are, and whether it fills the
                  bytes
    """
    first, last = ([k for k, a in zip(known, alike, strict=True) if a == end] for end in (alike[0], alike[-1]))
    others = [[k for k, a in zip(known, alike, strict=True) if a != end] for end in (alike[0], alike[-1])]
    begin = min(int(k.born.min()) for k in (others[0] if whole[0] else known))
    end = max(begin - 1, *(int(k.dies.max()) for k in (others[1] if whole[-1] else known)))
    parts = [_again(size, np.array([begin], np.int64), np.array([end], np.int64))]
    if whole[0]:
        born = merged(first).born
        parts.append(_row_spans(RowLives(born, np.full_like(born, begin - 1)), len(born), size // len(born)))
    if whole[-1]:
        dies = merged(last).dies
        parts.append(_row_spans(RowLives(np.full_like(dies, end + 1), dies), len(dies), size // len(dies)))
    return Spans(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("begin", "end", "first", "last")))


def _row_spans(life: RowLives, slots: int, pitch: int) -> Spans:
    slot = np.arange(len(life.born), dtype=np.int64) % slots
    return Spans(slot * pitch, (slot + 1) * pitch, life.born, life.dies)


def _again(size: int, first: Index, last: Index) -> Spans:
    """The same bytes, live at several times."""
    begin = np.zeros(len(first), np.int64)
    return Spans(begin, begin + size, first, last)


def _scratch(graph: Graph, call: Call) -> Iterator[Buffer]:
    """An operator's working memory, live while the kernel runs, or from the first row that it adds up to the last."""
    op = graph.ops[call.op]
    record = TABLE[op.kind]
    if call.adds:
        size, first, last = align_up(record.sums(graph, op)), int(call.first.min()), int(call.last.max())
        yield Buffer((), call.op, size, first, last, 2 * size * len(call.at))
    elif size := align_up(record.scratch(graph, op) if call.once is None else call.once):
        times = np.unique(call.at)  # turns whose order is not known count as one
        first, last = int(times[0]), int(times[-1])
        yield Buffer((), call.op, size, first, last, 2 * size * len(times), spans=_again(size, times, times))


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
