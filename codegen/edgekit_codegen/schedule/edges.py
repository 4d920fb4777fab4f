"""What the members of a stream wait for: the tensors between them, turn by turn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Rows, RowTable, Whole, Window
from . import tiles
from .extent import Region
from .reach import Index, Reaches
from .tiles import Member

Source = int
"""What writes a tensor's rows in a stream: the number of a member, or ~ident of a graph input that is pulled."""


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """A tensor that one member of a stream writes and another one reads.

    low     per turn of the reader, the first row that it reads
    latest  per turn of the reader, the last turn of the writer that it waits for; negative where for none
    oldest  per turn of the reader, the first turn of the writer whose rows it reads
    ratio   the reader's period by the writer's, as a fraction; None where one of them has a single turn, and so no pace
    """

    writer: Source
    reader: Source
    low: Index
    latest: Index
    oldest: Index
    ratio: tuple[int, int] | None


def edges(
    graph: Graph, members: Sequence[Member], pulled: Collection[TensorId], reverse: bool, reaches: Reaches
) -> list[Edge] | None:
    """The tensors between members; None where a turn needs more than the rows before it and a few behind.

    pulled, reverse, reaches  as `stream` has them
    """
    roots = written_rows(graph)
    writers: dict[TensorId, Source] = {ident: ~ident for ident in pulled}
    writers.update((graph.ops[member.last].outputs[0], number) for number, member in enumerate(members))
    hidden = views_of(graph, set(writers)) - {i for i, root in roots.items() if root in writers}
    found: list[Edge] = []
    for number, member in enumerate(members):
        turns = _turns(graph, member, reverse, reaches)
        if turns is None:
            return None
        for index, position, tensor in turns.operands():
            writer = writers.get(roots.get(tensor.id, tensor.id))
            if tensor.id in hidden:
                return None
            if writer is None:
                continue
            ratio = turns.ratio(index, position)
            single = tensor.hwc[0] == 1 or turns.count == 1
            if ratio is None and not single:
                return None
            by = members[writer] if writer >= 0 else Member((), 1)
            low, high = turns.rows(index, position)
            oldest, latest = (_completed(graph, by, rows, reaches) for rows in (low, high))
            pace = None if single or ratio is None else (ratio[0], ratio[1] * by.rows)
            found.append(Edge(writer, number, low, latest, oldest, pace))
    return found


def streamable(graph: Graph, op: Op) -> bool:
    """Whether an operator can be in a stream at all: its rows are computed from rows, or it adds rows up."""
    record = TABLE[op.kind]
    return record.kernel is not None and (not isinstance(record.access(graph, op), Whole) or tiles.adds(graph, op))


def written_rows(graph: Graph) -> dict[TensorId, TensorId]:
    """Tensor -> the tensor whose rows it consists of: itself, or what it shows unchanged, row by row."""
    found: dict[TensorId, TensorId] = {}
    for op in graph.ops:
        found.update({ident: ident for ident in op.outputs})
        if TABLE[op.kind].overlap is Overlap.VIEW:
            x, out = graph.operand(op, 0), graph.result(op)
            if x.hwc[0] == out.hwc[0]:
                found[out.id] = found.get(x.id, x.id)
    return found


def views_of(graph: Graph, written: set[TensorId]) -> set[TensorId]:
    """The tensors that only show bytes of the written ones."""
    shown: set[TensorId] = set()
    for op in graph.ops:
        if TABLE[op.kind].kernel is None and any(i in written or i in shown for i in op.inputs):
            shown.update(op.outputs)
    return shown


def _completed(graph: Graph, member: Member, row: Index, reaches: Reaches) -> Index:
    """The turn in which a member completes a row; negative for a negative row."""
    turn = np.full_like(row, tiles.turns(graph, member)[0] - 1) if member.adds else row // member.rows
    return np.where(row < 0, row, tiles.lead(graph, member, reaches) + turn)


@dataclass(frozen=True, slots=True, eq=False)
class _Turns:
    """A member's turns as a reader; rows are counted from the last one where `reverse`.

    computed  what its operators compute in a turn; None for an operator on its own
    """

    graph: Graph
    member: Member
    computed: Mapping[int, Region] | None
    reverse: bool
    reaches: Reaches

    @property
    def count(self) -> int:
        return tiles.lead(self.graph, self.member, self.reaches) + tiles.turns(self.graph, self.member)[0]

    def operands(self) -> Iterator[tuple[int, int, Tensor]]:
        """What its operators read in memory: operator, position and tensor."""
        for index in self.member.ops:
            for position, tensor in enumerate(
                TABLE[self.graph.ops[index].kind].operands(self.graph, self.graph.ops[index])
            ):
                if not tensor.is_constant:
                    yield index, position, tensor

    def ratio(self, index: int, position: int) -> tuple[int, int] | None:
        """How many rows of an operand a turn uses up, as a fraction; None where that is not steady."""
        op, advance = self.graph.ops[index], 1 if self.computed is None else self.computed[index][0].step
        access = TABLE[op.kind].access(self.graph, op)
        if self.computed is None and self.member.adds:
            return 1, 1
        if isinstance(access, Window) and access.images is None:
            return access.stride * advance, access.up or 1
        mapped = access.maps[position] if isinstance(access, Rows) else None
        if isinstance(mapped, RowTable):  # rows that repeat, or are left out, now and then
            return TABLE[op.kind].operands(self.graph, op)[position].hwc[0] * advance, len(mapped.rows)
        return (advance, 1) if isinstance(access, Rows) and mapped is None else None

    def rows(self, index: int, position: int) -> tuple[Index, Index]:
        """Per turn, the first and the last row of an operand that are read; the last negative where none is."""
        reach = self.reaches.of(self.graph, self.graph.ops[index], position)
        turn = np.arange(self.count, dtype=np.int64)
        if self.computed is None and self.member.adds:
            return turn, turn
        if self.reverse:
            end = len(reach.last) - 1
            return (end - reach.high)[::-1], np.where(reach.high >= reach.low, end - reach.low, -1)[::-1]
        if self.computed is None:
            return reach.low, np.where(reach.high >= reach.low, reach.high, -1)
        extent, rows = self.computed[index][0], len(reach.high)
        top = np.clip(extent.first + extent.step * turn, 0, rows - 1)
        after: Index = extent.first + extent.step * turn + extent.size
        bottom = np.clip(after, 1, rows) - 1
        reads = (after > 0) & (after - extent.size < rows) & (reach.high[bottom] >= reach.low[top])
        return reach.low[top], np.where(reads, reach.high[bottom], -1)


def _turns(graph: Graph, member: Member, reverse: bool, reaches: Reaches) -> _Turns | None:
    """None where the operators cannot take turns that way."""
    if member.plain:
        op = graph.ops[member.last]
        able = streamable(graph, op) and not isinstance(TABLE[op.kind].access(graph, op), Whole)
        return _Turns(graph, member, None, reverse, reaches) if able else None
    if reverse or (member.adds and not tiles.adds(graph, graph.ops[member.last])):
        return None
    if member.adds and len(member.ops) == 1:
        return _Turns(graph, member, None, False, reaches) if member.rows == 1 and not member.pixels else None
    rows = member.ops[:-1] if member.adds else member.ops
    if any(isinstance(TABLE[graph.ops[op].kind].access(graph, graph.ops[op]), Whole) for op in rows):
        return None
    computed = tiles.regions(graph, member, reaches)
    return None if computed is None else _Turns(graph, member, computed, False, reaches)
