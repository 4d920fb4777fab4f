"""What tiles compute, move and take, in closed form: the estimates of the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..ir.types import Graph
from ..ops import TABLE
from ..prices import Price
from . import tiles
from .extent import Extent, Region
from .sliding import Sliding
from .tiles import Member
from .work import CALL, COPY


@dataclass(frozen=True, slots=True)
class _Layer:
    """One operator of a member.

    rows, pixels  that its turns count
    pixel         bytes of one
    price         of a call, for some of these pixels
    scratch       bytes
    """

    rows: int
    pixels: int
    pixel: int
    price: Price
    scratch: int


@dataclass(frozen=True, slots=True)
class _Passed:
    """What an operator passes on inside a member: which one, and the places of those that it is there for."""

    op: int
    begin: int
    end: int
    rows: int
    pixel: int


class TileNeeds:
    """The needs of one graph's tiles. What many tiles have in common is worked out once.

    prices  what calls of the operators' kernels cost
    """

    def __init__(self, graph: Graph, prices: Mapping[int, Price]) -> None:
        self._graph, self._prices = graph, prices
        self._layers: dict[tuple[int, bool], _Layer] = {}
        self._passed: dict[tuple[int, ...], tuple[_Passed, ...]] = {}
        self._clipped: dict[tuple[int, ...], tuple[tuple[int, int], ...]] = {}
        self._calls: dict[tuple[int, ...], float] = {}

    def taken(self, member: Member, regions: Mapping[int, Region], slid: Sliding | None = None) -> int:
        """The most bytes of tiles, and scratch, that are there while the operators run one after the other; of tiles
        that slide, all the time."""
        held = [0] * len(member.ops)
        for passed in self._between(member.ops):
            (down, across), width, always = regions[passed.op], 0, False
            if slid is not None:
                columns = slid.columns[passed.op]
                width, always = columns.held.size, columns.kept is not None
            size = min(down.size, passed.rows) * (width or across.size) * passed.pixel
            for place in range(len(held)) if always else range(passed.begin, passed.end + 1):
                held[place] += size
        return max(self._layer(op, False).scratch + size for op, size in zip(member.ops, held, strict=True))

    def lines(self, member: Member, slid: Sliding) -> int:
        """Bytes of all lines."""
        return sum(slid.lines(op) * self._row(op) for op in member.ops)

    def work(self, member: Member, regions: Mapping[int, Region], slid: Sliding | None = None) -> int:
        """Instructions for the calls, for what is computed more than once, and for what moves."""
        turns, tiles_of_row = tiles.turns(self._graph, member)
        turns = slid.turns if slid is not None and slid.turns else turns
        work = 0.0
        for index in member.ops:
            layer = self._layer(index, member.adds and index == member.last)
            down, across = regions[index]
            count = tiles_of_row if slid is None else slid.columns[index].turns
            computed = sum(size * n for size, n in self._turns(down, turns, layer.rows))
            work += computed * self._of_row(index, layer, across, count) - layer.rows * layer.price.of(layer.pixels)
            if slid is not None:
                work += self._moves(index, layer, down, turns, slid)
        return round(work)

    def _of_row(self, index: int, layer: _Layer, across: Extent, count: int) -> float:
        """The calls for a row, in so many tiles."""
        key = index, layer.pixels, across.first, across.step, across.size, count
        if key not in self._calls:
            turns = self._turns(across, count, layer.pixels)
            self._calls[key] = sum(n * (CALL + layer.price.of(size)) for size, n in turns)
        return self._calls[key]

    def _moves(self, index: int, layer: _Layer, down: Extent, turns: int, slid: Sliding) -> float:
        columns, lines, work = slid.columns[index], slid.lines(index), 0.0
        if (kept := columns.kept) is not None:
            moved = min(down.size, layer.rows) * kept.size * layer.pixel
            work += turns * columns.moves * (CALL + COPY * moved)
        if lines:
            work += turns * (columns.turns * CALL + COPY * min(lines, down.size) * self._row(index))
        return work

    def _turns(self, extent: Extent, turns: int, end: int) -> Sequence[tuple[int, int]]:
        """How many rows or pixels are computed in a turn, without those outside the tensor, and in how many turns."""
        key = extent.first, extent.step, extent.size, turns, end
        if key not in self._clipped:
            self._clipped[key] = tuple(_clipped(extent, turns, end))
        return self._clipped[key]

    def _row(self, index: int) -> int:
        """Bytes of a row of what an operator writes."""
        tensor = tiles.result(self._graph, index)
        return tensor.bytes // tensor.hwc[0]

    def _layer(self, index: int, adds: bool) -> _Layer:
        """adds: its turns count rows and pixels of its input."""
        if (index, adds) not in self._layers:
            op = self._graph.ops[index]
            written, price = self._graph.result(op), self._prices[index]
            tensor = self._graph.operand(op, 0) if adds else written
            rows, pixels, channels = tensor.hwc
            if (whole := written.hwc)[:2] != (rows, pixels):
                price = Price(0, whole[0] * price.of(whole[1]) / (rows * pixels))
            scratch = TABLE[op.kind].scratch(self._graph, op)
            self._layers[index, adds] = _Layer(rows, pixels, channels * tensor.dtype.size, price, scratch)
        return self._layers[index, adds]

    def _between(self, ops: tuple[int, ...]) -> tuple[_Passed, ...]:
        if ops not in self._passed:
            found = []
            for begin, index in enumerate(ops[:-1]):
                ident, layer = self._graph.ops[index].outputs[0], self._layer(index, False)
                readers = [place for place, other in enumerate(ops) if ident in self._graph.ops[other].inputs]
                found.append(_Passed(index, begin, max(readers, default=begin), layer.rows, layer.pixel))
            self._passed[ops] = tuple(found)
        return self._passed[ops]


def _clipped(extent: Extent, turns: int, end: int) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < turns and (first := extent.first + extent.step * begin) < 0:
        yield max(min(first + extent.size, end), 0), 1
        begin += 1
    after = turns
    while after > begin and (first := extent.first + extent.step * (after - 1)) + extent.size > end:
        yield max(end - first, 0), 1
        after -= 1
    yield extent.size, after - begin
