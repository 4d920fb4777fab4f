"""Sliding tiles: columns that the next tile reads again are kept, at the begin of the tile; only new ones are computed.

Within the rows of a turn this is line buffering from left to right: of an expansion before a 3x3 depthwise convolution
three columns are there, and just the halo above and below is computed again in the next turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.types import Graph
from ..ops import TABLE
from .extent import Extent, Region, needed
from .reach import Reaches


@dataclass(frozen=True, slots=True)
class Columns:
    """Of one operator, in iterations of the loop over a row's tiles.

    held      what is there of its output in iteration n
    computed  what it computes in iteration first + n, n = 0 .. turns-1
    end       behind the last iteration in which its output is read
    """

    held: Extent
    computed: Extent
    first: int
    turns: int
    end: int

    @property
    def kept(self) -> Extent | None:
        """What iteration n keeps of the one before; None where it shares nothing with it."""
        size = self.held.size - self.held.step
        return Extent(self.held.first, self.held.step, size) if size > 0 else None

    @property
    def moves(self) -> int:
        """How often what is kept moves, from iteration first + 1 on."""
        return max(0, self.end - self.first - 1) if self.kept is not None else 0


@dataclass(frozen=True, slots=True)
class Sliding:
    """The tiles of a member that slide.

    iterations  of the loop over a row's tiles: the first ones only fill the halo to the left
    columns     by operator
    """

    iterations: int
    columns: Mapping[int, Columns]


def sliding(graph: Graph, ops: Sequence[int], pixels: int, reaches: Reaches, adds: bool = False) -> Sliding | None:
    """Tiles of so many pixels of the last operator's output, or of its input where it adds; None where the operators'
    windows do not advance evenly, or none of them reads a pixel twice."""
    one = Extent(0, 1, 1)
    found = needed(graph, ops, (one, one.of(pixels)), reaches, adds, lambda region: (region[0], _new(region[1])))
    moving = [] if found is None else [columns for _, columns in found.values()]
    if found is None or min(c.step for c in moving) < 1 or all(c.size <= c.step for c in moving):
        return None
    widths = {op: graph.result(graph.ops[op]).hwc[1] for op in ops}
    if adds:
        widths[ops[-1]] = graph.operand(graph.ops[ops[-1]], 0).hwc[1]
    spans = _spans(graph, ops, found, widths)
    if spans is None:
        return None
    lead = -min(begin for begin, _, _ in spans.values())
    columns = {}
    for op in ops:
        begin, after, end = spans[op]
        held = found[op][1]
        columns[op] = Columns(held.after(-lead), _new(held).after(begin), begin + lead, after - begin, end + lead)
    return Sliding(lead + spans[ops[-1]][1], columns)


def _new(columns: Extent) -> Extent:
    """The last ones of each tile, which the tile before has not got."""
    size = min(columns.step, columns.size)
    return Extent(columns.end - size, columns.step, size)


def _spans(
    graph: Graph, ops: Sequence[int], found: Mapping[int, Region], widths: Mapping[int, int]
) -> Mapping[int, tuple[int, int, int]] | None:
    """Per operator, the iterations in which it computes (first, behind the last), and behind the last one in which its
    output is read; 0 is the last operator's first. None where one would compute nothing."""
    last = ops[-1]
    count = -(-widths[last] // found[last][1].step)
    spans = {last: (0, count, count)}
    for op in reversed(ops[:-1]):
        ident = graph.ops[op].outputs[0]
        readers = [
            spans[other]
            for other in ops
            if other in spans
            and any(t.id == ident for t in TABLE[graph.ops[other].kind].operands(graph, graph.ops[other]))
        ]
        held = found[op][1]
        new = _new(held)
        begin, end = min(first for first, _, _ in readers), max(after for _, after, _ in readers)
        begin = min(begin, (max(0, held.first + held.step * begin) - new.first) // new.step)
        begin = max(begin, -new.end // new.step + 1)
        after = min(end, -(-(widths[op] - new.first) // new.step))
        if after <= begin:
            return None
        spans[op] = begin, after, end
    return spans
