"""What consecutive operators may do inside a stream: the bytes that they keep and the work that they add.

Operators follow each other as a chain where one tensor alone enters them and one alone leaves them; whatever else lies
in memory lies beside all of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ..ir.types import Tensor, TensorId
from ..memory.buffer import live_bytes
from ..memory.buffers import buffers
from ..ops import TABLE
from ..prices import Pricing
from . import tiles
from .extent import Extent, Region, read
from .parts import Part, Parts
from .sliding import Sliding, courses
from .stream import stream
from .tile_needs import TileNeeds
from .tiles import Member
from .types import Schedule
from .work import CALL

LONGEST = 14
"""Operators of one tile."""

ROWS = (1, 2, 3, 4, 6)
"""Rows of a tile."""

PARTS = (1, 2, 3, 4, 6, 8, 14)
"""How many tiles a row is cut into."""

SLIDING = (1, 2, 4)
"""Pixels of a tile that slides."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to run a chain of operators in a stream.

    members the operators and their tiles
    rows    rows of the entering tensor that must be there for a turn; 0 where `kept` counts them
    step    by how many they advance from turn to turn
    first   the first of them in the first turn
    kept    bytes kept from turn to turn besides
    taken   bytes taken during a turn, without the rows that leave
    work    instructions beyond those of layer by layer
    """

    members: tuple[Member, ...]
    rows: int
    step: int
    kept: int
    taken: int
    work: int
    first: int = 0

    @property
    def written(self) -> int:
        """Rows of the leaving tensor that are computed at a time."""
        return self.members[-1].rows


class Options:
    """The options of one graph, between points: point n lies before running operator number n."""

    def __init__(self, parts: Parts, pricing: Pricing) -> None:
        self.graph, self._parts = parts.graph, parts
        self.crossing = [parts.crossing(n) for n in range(len(parts.running) + 1)]
        self._known: dict[tuple[int, int], tuple[Option, ...]] = {}
        self._found: dict[Hashable, tuple[int, tuple[Option, ...]]] = {}
        self._prices = {op: pricing(parts.graph, parts.graph.ops[op]) for op in parts.running}
        self._needs = TileNeeds(parts.graph, self._prices)

    def chain(self, first: int, after: int) -> tuple[TensorId, TensorId] | None:
        """The tensor that enters the operators number `first` .. `after` - 1 and the one that leaves them; None where
        others do."""
        before, behind = self.crossing[first], self.crossing[after]
        born = [i for i in behind if i not in before]
        read = {i for n in self._parts.running[first:after] for i in self.graph.ops[n].inputs}
        entering = [i for i in before if i in read]
        if len(born) != 1 or len(entering) != 1 or any(i not in behind and i not in entering for i in before):
            return None
        return entering[0], born[0]

    def stays(self, ident: TensorId, point: int) -> bool:
        """Whether a tensor is needed behind a point."""
        return ident in self.crossing[point]

    def leaving(self, point: int) -> Tensor:
        """What the operator before a point computes."""
        return self.graph.result(self.graph.ops[self._parts.running[point - 1]])

    def beside(self, first: int, after: int) -> int:
        """Bytes of what lies beside a chain."""
        ends = self.chain(first, after)
        assert ends is not None
        return sum(self._parts.held(i) for i in self.crossing[first] if i != ends[0])

    def held(self, ident: TensorId) -> int:
        """The bytes that a tensor takes where it is there as a whole."""
        return self._parts.held(ident)

    def of(self, first: int, after: int) -> tuple[Option, ...]:
        """What the operators may do that nothing else beats; the least work first."""
        if (first, after) not in self._known:
            begin, alike = self._parts.running[first], self._alike(first, after)
            if alike not in self._found:
                found = sorted(self._all(first, after), key=lambda o: (o.work, o.taken + o.kept, o.rows))
                kept: list[Option] = []
                for option in found:
                    if not any(_beats(other, option) for other in kept):
                        kept.append(option)
                self._found[alike] = begin, tuple(kept)
            before, options = self._found[alike]
            self._known[first, after] = tuple(_moved(option, begin - before) for option in options)
        return self._known[first, after]

    def _alike(self, first: int, after: int) -> Hashable:
        """What the options of operators follow from: equal for chains of the same layers, wherever they are."""
        running = self._parts.running
        begin, end = running[first], running[after] if after < len(running) else len(self.graph.ops)
        names: dict[TensorId, int] = {}
        layers = []
        for index in range(begin, end):
            op = self.graph.ops[index]
            tensors = [self.graph.tensors[i] for i in (*op.inputs, *op.outputs) if i is not None]
            used = [(names.setdefault(t.id, len(names)), t.shape, t.dtype, t.is_constant) for t in tensors]
            layers.append((op.kind, op.attrs, tuple(used), self._prices.get(index)))
        ends = self.chain(first, after)
        between = tuple(self.chain(first, n) is None for n in range(first + 1, after))
        stays = () if ends is None else tuple(self.stays(ends[0], n) for n in range(first + 1, after))
        return tuple(layers), None if ends is None else tuple(names.get(i, ~i) for i in ends), between, stays

    def _all(self, first: int, after: int) -> Iterator[Option]:
        ends, ops = self.chain(first, after), self._parts.running[first:after]
        if ends is None or after - first > LONGEST:
            return
        if after - first == 1 and tiles.adds(self.graph, self.graph.ops[ops[0]]):
            yield self._adding(ops[0])
            return
        if after - first > 1 and all(
            self.stays(ends[0], n) or not self.chain(first, n) for n in range(first + 1, after)
        ):
            yield from self._apart(first, after)
        last = self.graph.ops[ops[-1]]
        adding = len(ops) > 1 and tiles.adds(self.graph, last)
        found = tiles.of_one_pixel(self.graph, ops, self._parts.reaches, adding)
        entering = None if found is None else self._entering(ops, ends[0], found)
        if found is None or entering is None:
            return
        rows, pixels, _ = tiles.added(self.graph, Member(ops, adds=adding)).hwc
        widths = dict.fromkeys(-(-pixels // n) for n in PARTS)
        for height, width in product(ROWS, widths) if len(ops) > 1 else ((1, pixels),):
            if height <= rows:
                yield self._tiled(Member(ops, height, 0 if width == pixels else width, adding), entering, found)
        if len(ops) > 1:
            yield from self._sliding(ops, rows, adding, (ends[0], entering), found)

    def _sliding(
        self,
        ops: tuple[int, ...],
        rows: int,
        adding: bool,
        entering: tuple[TensorId, Extent],
        found: Mapping[int, Region],
    ) -> Iterator[Option]:
        """Tiles that slide, as they are and over lines. entering: the tensor, and what is read of it for one pixel."""
        graph, reaches = self.graph, self._parts.reaches
        heights = [height for height in ROWS if height <= rows]
        lines = {height: courses(graph, ops, 0, height, reaches, adding) for height in heights}
        for width in SLIDING:
            if tiles.turns(graph, Member(ops, 1, width, adding))[1] == 1:
                continue
            columns = courses(graph, ops, 1, width, reaches, adding)
            for height in heights if columns is not None else ():
                assert columns is not None
                yield self._tiled(Member(ops, height, width, adding, True), entering[1], found, Sliding(*columns))
                if (kept := lines[height]) is not None:
                    member = Member(ops, height, width, adding, True, True)
                    yield from self._lined(member, entering[0], Sliding(*columns, *kept))

    def _lined(self, member: Member, ident: TensorId, slid: Sliding) -> Iterator[Option]:
        """Tiles over lines, where the rows of the entering tensor advance evenly."""
        found = slid.regions
        lead = slid.turns - tiles.turns(self.graph, member)[0]
        entering = self._entering(member.ops, ident, found)
        if entering is not None:
            yield self._tiled(member, entering.after(lead), found, slid)

    def _entering(self, ops: Sequence[int], ident: TensorId, found: Mapping[int, Region]) -> Extent | None:
        """The rows of the entering tensor that are read for one pixel; None where they do not advance evenly."""
        joined: Extent | None = None
        for index in ops:
            op = self.graph.ops[index]
            for position, tensor in enumerate(TABLE[op.kind].operands(self.graph, op)):
                if tensor.id == ident:
                    region = read(self.graph, op, position, found[index], self._parts.reaches)
                    if region is None:
                        return None
                    joined = region[0] if joined is None else joined.joined(region[0])
                    if joined is None:
                        return None
        return joined

    def _adding(self, index: int) -> Option:
        op = self.graph.ops[index]
        turns = self.graph.operand(op, 0).hwc[0]
        return Option((Member((index,), adds=True),), 1, 1, TABLE[op.kind].sums(self.graph, op), 0, CALL * turns)

    def _apart(self, first: int, after: int) -> Iterator[Option]:
        """Operators that no point lies between, each on its own, or the ones behind a window in tiles with it."""
        part = self._parts.between(first, after)
        if len(part.graph.inputs) != 1 or len(part.graph.outputs) != 1:
            return
        ops = self._parts.running[first:after]
        pixels = self.graph.result(self.graph.ops[ops[-1]]).hwc[1]
        for begin in range(1, len(ops)):
            for n in PARTS if begin < len(ops) - 1 else (1,):
                tail = (
                    Member(ops[begin:], 1, -(-pixels // n) if n > 1 else 0)
                    if begin < len(ops) - 1
                    else Member(ops[begin:])
                )
                option = self._measured(part, (*tiles.plain(ops[:begin]), tail))
                if option is None:
                    break
                yield option

    def _measured(self, part: Part, members: tuple[Member, ...]) -> Option | None:
        """What a stream of the members alone keeps and takes in its midst."""
        moved = [replace(m, ops=tuple(op - part.begin for op in m.ops)) for m in members]
        computed = [tiles.regions(part.graph, m, self._parts.reaches) for m in moved]
        segment = stream(part.graph, moved, part.graph.inputs, part.graph.outputs, False, self._parts.reaches)
        if segment is None:
            return None
        loads = live_bytes(buffers(part.graph, Schedule((segment,)), self._parts.reaches))
        times = sorted(loads)
        midst = [loads[t] for t in times[len(times) // 3 : max(len(times) * 2 // 3, len(times) // 3 + 1)]]
        out = part.graph.tensors[part.graph.outputs[0]]
        row = out.bytes // out.hwc[0]
        work = sum(
            self._needs.work(member, {op + part.begin: region for op, region in regions.items()})
            for member, regions in zip(members, computed, strict=True)
            if regions is not None
        )
        return Option(members, 0, 1, min(midst), max(loads.values()) - min(midst) - row, work)

    def _tiled(
        self, member: Member, entering: Extent, found: Mapping[int, Region], slid: Sliding | None = None
    ) -> Option:
        computed = tiles.spread(self.graph, member, found, slid)
        rows = entering if member.lines else entering.of(member.rows)
        work, taken = self._needs.work(member, computed, slid), self._needs.taken(member, computed, slid)
        last = self.graph.ops[member.last]
        kept = TABLE[last.kind].sums(self.graph, last) if member.adds else 0
        kept += self._needs.lines(member, slid) if slid is not None else 0
        return Option((member,), rows.size, rows.step, kept, taken, work, rows.first)


def _moved(option: Option, by: int) -> Option:
    """The same for a chain that begins so many operators later."""
    if not by:
        return option
    return replace(option, members=tuple(replace(m, ops=tuple(op + by for op in m.ops)) for m in option.members))


def _beats(one: Option, other: Option) -> bool:
    kept = one.kept <= other.kept and one.rows <= other.rows
    return one.work <= other.work and one.taken + one.kept <= other.taken + other.kept and kept
