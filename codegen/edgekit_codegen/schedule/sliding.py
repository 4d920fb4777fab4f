"""Sliding tiles: columns that the next tile reads again are kept, at the begin of the tile; only new ones are computed.

Within the rows of a turn this is line buffering from left to right: of an expansion before a 3x3 depthwise convolution
three columns are there, and the halo above and below is computed again in the next turn. Where rows that the next turn
reads again are kept too, in lines as long as the tensor is wide, nothing is computed twice: of the expansion two lines
are there, and three columns of the newest row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..ir.types import Graph
from ..ops import TABLE
from .extent import Extent, Region, needed
from .reach import Reaches


@dataclass(frozen=True, slots=True)
class Course:
    """Rows or columns of one operator, in turns of the loop that moves over them.

    held      what is there of its output in turn n
    computed  what it computes in turn first + n, n = 0 .. turns-1
    end       behind the last turn in which its output is read
    """

    held: Extent
    computed: Extent
    first: int
    turns: int
    end: int

    @property
    def kept(self) -> Extent | None:
        """What turn n keeps of the one before; None where it shares nothing with it."""
        size = self.held.size - self.held.step
        return Extent(self.held.first, self.held.step, size) if size > 0 else None

    @property
    def moves(self) -> int:
        """How often what is kept moves, from turn first + 1 on."""
        return max(0, self.end - self.first - 1) if self.kept is not None else 0


Courses = tuple[int, Mapping[int, Course]]
"""The turns of a loop, and each operator's in it."""


@dataclass(frozen=True, slots=True)
class Sliding:
    """The tiles of a member that slide.

    iterations  of the loop over a row's tiles: the first ones only fill the halo to the left
    columns     by operator
    turns       of the member: the first ones only fill the lines; 0 where there are none
    rows        by operator; empty where rows are computed again
    """

    iterations: int
    columns: Mapping[int, Course]
    turns: int = 0
    rows: Mapping[int, Course] = field(default_factory=dict)

    @property
    def regions(self) -> Mapping[int, Region]:
        """What each operator computes in a turn and for a tile, where there are lines."""
        return {op: (rows.computed.after(-rows.first), self.columns[op].computed) for op, rows in self.rows.items()}

    def lines(self, op: int) -> int:
        """How many lines there are of an operator's output."""
        kept = self.rows[op].kept if self.rows else None
        return 0 if kept is None else kept.size


def sliding(
    graph: Graph, ops: Sequence[int], tile: tuple[int, int], reaches: Reaches, adds: bool = False, lines: bool = False
) -> Sliding | None:
    """Tiles of so many rows and pixels of the last operator's output, or of its input where it adds; None where the
    operators' windows do not advance evenly, or none of them reads a pixel twice. Where there are to be lines, also
    where no row is read twice, or a turn computes more rows than a tensor has."""
    columns = courses(graph, ops, 1, tile[1], reaches, adds)
    rows = courses(graph, ops, 0, tile[0], reaches, adds) if lines and columns is not None else None
    if columns is None or (lines and rows is None):
        return None
    return Sliding(*columns) if rows is None else Sliding(*columns, *rows)


def courses(
    graph: Graph, ops: Sequence[int], axis: int, size: int, reaches: Reaches, adds: bool = False
) -> Courses | None:
    """How rows (axis 0) or columns (1) come and go where so many of the last operator are computed at a time, and each
    only once; None as `sliding` has it."""
    return reaches.once(_courses, graph, ops, axis, size, adds)


def _courses(graph: Graph, ops: Sequence[int], axis: int, size: int, adds: bool, reaches: Reaches) -> Courses | None:
    new = Extent(0, 1, 1).of(size)
    regions = needed(graph, ops, (new, new), reaches, adds, lambda region: (_new(region[0]), _new(region[1])))
    if regions is None:
        return None
    found = {op: region[axis] for op, region in regions.items()}
    counted = {op: graph.result(graph.ops[op]) for op in ops}
    if adds:
        counted[ops[-1]] = graph.operand(graph.ops[ops[-1]], 0)
    sizes = {op: tensor.hwc[axis] for op, tensor in counted.items()}
    if min(part.step for part in found.values()) < 1 or all(part.size <= part.step for part in found.values()):
        return None
    if axis == 0 and any(_new(found[op]).size > sizes[op] for op in ops):
        return None
    spans = _spans(graph, ops, found, sizes)
    if spans is None:
        return None
    lead = -min(begin for begin, _, _ in spans.values())
    made = {}
    for op in ops:
        begin, after, end = spans[op]
        made[op] = Course(found[op].after(-lead), _new(found[op]).after(begin), begin + lead, after - begin, end + lead)
    return lead + spans[ops[-1]][1], made


def _new(part: Extent) -> Extent:
    """The last rows or columns of each turn, which the turn before has not got."""
    size = min(part.step, part.size)
    return Extent(part.end - size, part.step, size)


def _spans(
    graph: Graph, ops: Sequence[int], found: Mapping[int, Extent], sizes: Mapping[int, int]
) -> Mapping[int, tuple[int, int, int]] | None:
    """Per operator, the turns in which it computes (first, behind the last), and behind the last one in which its
    output is read; 0 is the last operator's first. None where one would compute nothing."""
    last = ops[-1]
    count = -(-sizes[last] // found[last].step)
    spans = {last: (0, count, count)}
    for op in reversed(ops[:-1]):
        ident = graph.ops[op].outputs[0]
        readers = [
            spans[other]
            for other in ops
            if other in spans
            and any(t.id == ident for t in TABLE[graph.ops[other].kind].operands(graph, graph.ops[other]))
        ]
        held = found[op]
        new = _new(held)
        begin, end = min(first for first, _, _ in readers), max(after for _, after, _ in readers)
        begin = min(begin, (max(0, held.first + held.step * begin) - new.first) // new.step)
        begin = max(begin, -new.end // new.step + 1)
        after = min(end, -(-(sizes[op] - new.first) // new.step))
        if after <= begin:
            return None
        spans[op] = begin, after, end
    return spans
