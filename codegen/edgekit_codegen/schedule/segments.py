"""Segments of a graph as the search sees them: which are possible, and what each needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass, replace

from ..ir.types import Graph, TensorId
from ..memory.buffer import live_bytes
from ..memory.buffers import buffers
from ..memory.places import parts as moved_parts
from ..ops import TABLE
from ..ops.record import Overlap
from ..prices import Prices, Pricing, price
from . import layerwise
from .edges import streamable, views_of
from .options import Options
from .parts import Parts
from .stream import stream
from .tiles import Member, adds
from .types import Schedule, Segment
from .work import overhead

Piece = tuple[Member, ...]
"""The members of a segment: one without tiles is a layer, all others are a stream."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a segment needs while it runs, with everything that lies beside it.

    rows   bytes of living rows at its busiest moment
    slots  the same where a ring's slots are never anybody else's
    cost   instructions beyond those of layer by layer
    """

    rows: int
    slots: int
    cost: int


class Segments:
    """The segments of one graph: the running operators number `first` .. `after` - 1.

    pulled, pushed  graph inputs and outputs that arrive or leave row by row
    pricing         what calls of kernels cost
    """

    def __init__(
        self,
        graph: Graph,
        pulled: Collection[TensorId] = (),
        pushed: Collection[TensorId] = (),
        pricing: Pricing = price,
    ) -> None:
        self.graph = graph
        self.parts = Parts(graph)
        self._prices = Prices(pricing)
        self.options = Options(self.parts, self._prices)
        self.pulled, self.pushed = frozenset(pulled), frozenset(pushed)
        self._needs: dict[Piece, Need | None] = {}
        self._bounds: dict[Piece, int] = {}
        self._priced: dict[Pricing, Segments] = {pricing: self}

    def priced(self, pricing: Pricing) -> Segments:
        """The same segments at those prices, with all that is known of their bytes."""
        if pricing not in self._priced:
            other = copy(self)
            other._prices, other._needs = Prices(pricing), {}
            other.options = Options(self.parts, other._prices)
            self._priced[pricing] = other
        return self._priced[pricing]

    @property
    def count(self) -> int:
        """How many operators run."""
        return len(self.parts.running)

    def possible(self, first: int, after: int) -> bool:
        """Whether the first and the last of several operators can be in a stream at all."""
        ends = (self.graph.ops[self.parts.running[n]] for n in (first, after - 1))
        return all(streamable(self.graph, op) for op in ends)

    def piece(self, first: int, after: int) -> Piece:
        """The operators, each on its own."""
        return _alone(self.graph, self.parts.running[first:after])

    def need(self, first: int, after: int) -> Need | None:
        """Of the operators, each on its own; None where they cannot be one segment."""
        return self._need_of(first, after, self.piece(first, after))

    def over(self, first: int) -> tuple[Piece, Need] | None:
        """An operator that overwrites its input plane by plane, and what it needs; None where it cannot."""
        op = self.parts.running[first]
        if TABLE[self.graph.ops[op].kind].planar(self.graph, self.graph.ops[op]) is None:
            return None
        piece: Piece = (Member((op,), planar=True),)
        need = self._need_of(first, first + 1, piece)
        return None if need is None else (piece, need)

    def _need_of(self, first: int, after: int, piece: Piece) -> Need | None:
        if piece not in self._needs:
            self._needs[piece] = self._need(first, after, piece)
        return self._needs[piece]

    def bound(self, members: Piece) -> int:
        """Bytes that are live at the busiest moment of a stream, with everything that lies beside it; `1 << 60` where
        there is no such stream."""
        if members not in self._bounds:
            ops = [op for member in members for op in member.ops]
            first, last = self.parts.running.index(min(ops)), self.parts.running.index(max(ops))
            part = self.parts.between(first, last + 1)
            moved = tuple(replace(m, ops=tuple(op - part.begin for op in m.ops)) for m in members)
            segment = self._of_members(part.graph, moved, reverse=False, landing=True)
            live = {} if segment is None else live_bytes(buffers(part.graph, Schedule((segment,)), self.parts.reaches))
            self._bounds[members] = max(live.values(), default=1 << 60) + part.beside
        return self._bounds[members]

    def _need(self, first: int, after: int, piece: Piece) -> Need | None:
        part = self.parts.between(first, after)
        if any(i in self.pulled for i in part.graph.outputs) or any(i in self.pushed for i in part.graph.inputs):
            return None  # a row that arrives only once, or is gone, is needed by a later segment too
        inside = tuple(replace(m, ops=tuple(op - part.begin for op in m.ops)) for m in piece)
        segment = self._of_members(part.graph, inside, reverse=False, landing=False)
        if segment is None:
            return None
        items = buffers(part.graph, Schedule((segment,)), self.parts.reaches)
        rows, slots = (max(live_bytes(items, whole).values(), default=0) + part.beside for whole in (False, True))
        return Need(rows, slots, overhead(part.graph, Schedule((segment,)), self._prices))

    def _of_members(self, graph: Graph, members: Piece, reverse: bool, landing: bool) -> Segment | None:
        """A layer where there is one member without tiles; a stream otherwise. Reversed only where it can be."""
        ops = [graph.ops[op] for member in members for op in member.ops]
        arriving = sorted({i for op in ops for i in op.inputs if i is not None and i in self.pulled})
        leaving = sorted({i for op in ops for i in op.outputs if i in self.pushed})
        if len(members) == 1 and members[0].plain and not arriving and not leaving:
            last = members[0].last
            if members[0].planar:
                over = layerwise.planar(graph, last)
                return None if over is None else Segment("layers", (over,))
            return Segment("layers", (layerwise.layer(graph, last, reverse and _moves(graph, last)),))
        if any(member.planar for member in members):
            return None
        if reverse and not arriving and not leaving:
            turned = stream(graph, members, reverse=True, reaches=self.parts.reaches)
            if turned is not None:
                return turned
        return stream(graph, members, arriving, leaving, False, self.parts.reaches, landing)

    def _uses(self, members: Piece, ident: TensorId) -> bool:
        """Whether an operator writes a tensor, or reads it, as it is or through a view."""
        shown = {ident, *views_of(self.graph, {ident})}
        ops = [self.graph.ops[op] for member in members for op in member.ops]
        return any(i in shown for op in ops for i in (*op.inputs, *op.outputs))

    def schedule(self, pieces: Sequence[Piece], turning: bool = False, landing: bool = False) -> Schedule | None:
        """Segments with those members, one after the other; None where one of them is impossible.

        turning  they run forth and back in turns: an output that overwrites its input lies some way below it in
                 memory where rows run forth, and above it where they run back, so that in turns it stays where it is
        landing  as `stream` has it
        """
        made: list[Segment] = []
        reverse = True
        if any(sum(self._uses(members, ident) for members in pieces) > 1 for ident in self.pulled | self.pushed):
            return None  # a row that arrives only once, or is gone, is needed by a later segment too
        for members in pieces:
            moving = len(members) > 1 or not members[0].plain or _moves(self.graph, members[0].last)
            moving = moving and not members[0].planar
            reverse = not reverse if moving else reverse
            segment = self._of_members(self.graph, members, turning and reverse, landing)
            if segment is None:
                return None
            if made and made[-1].kind == segment.kind == "layers":
                made[-1] = Segment("layers", made[-1].nodes + segment.nodes)
            else:
                made.append(segment)
        return Schedule(tuple(made))


def _alone(graph: Graph, ops: Sequence[int]) -> Piece:
    """The operators, each on its own; those that can add up rows do where there are others."""
    return tuple(Member((op,), adds=len(ops) > 1 and adds(graph, graph.ops[op])) for op in ops)


def _moves(graph: Graph, index: int) -> bool:
    """Whether an operator's output can overwrite its input only some way behind, so that its direction matters."""
    op = graph.ops[index]
    several = graph.result(op).hwc[0] > 1
    return several and TABLE[op.kind].overlap is Overlap.NEVER and moved_parts(graph, op) is None
