"""Segments of a graph as the search sees them: which are possible, and what each needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..ir.types import Graph, TensorId
from ..memory.buffers import buffers, live_bytes
from ..memory.places import parts as moved_parts
from ..ops import TABLE
from ..ops.record import Overlap
from . import layerwise
from .parts import Parts
from .stream import stream, streamable
from .types import Due, Loop, Node, Schedule, Segment

LONGEST = 48
"""Operators of one stream."""

CALL = 30
"""Instructions, about, to call a layer for one row."""

TURN = 8
"""Instructions, about, to find out whether an operator is due in an iteration."""


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
    """

    def __init__(self, graph: Graph, pulled: Collection[TensorId] = (), pushed: Collection[TensorId] = ()) -> None:
        self.graph = graph
        self.parts = Parts(graph)
        self._pulled, self._pushed = frozenset(pulled), frozenset(pushed)
        self._needs: dict[tuple[int, int], Need | None] = {}

    @property
    def count(self) -> int:
        """How many operators run."""
        return len(self.parts.running)

    def ends(self, first: int) -> Iterator[int]:
        """Where segments that begin there may end."""
        for after in range(first + 1, min(first + LONGEST, self.count) + 1):
            if after > first + 1 and not all(
                streamable(self.graph, self.graph.ops[self.parts.running[n]]) for n in (first, after - 1)
            ):
                return
            yield after

    def need(self, first: int, after: int) -> Need | None:
        """None where the operators cannot be one segment."""
        if (first, after) not in self._needs:
            self._needs[first, after] = self._need(first, after)
        return self._needs[first, after]

    def _need(self, first: int, after: int) -> Need | None:
        part = self.parts.between(first, after)
        if any(i in self._pulled for i in part.graph.outputs):
            return None  # a row that arrives only once is needed by a later segment too
        inside = [i - part.begin for i in self.parts.running[first:after]]
        segment = self._segment(part.graph, inside, reverse=False)
        if segment is None:
            return None
        items = buffers(part.graph, Schedule((segment,)), self.parts.reaches)
        rows, slots = (max(live_bytes(items, whole).values(), default=0) + part.beside for whole in (False, True))
        return Need(rows, slots, _cost(segment.nodes))

    def _segment(self, graph: Graph, ops: Sequence[int], reverse: bool) -> Segment | None:
        arriving = sorted({i for op in ops for i in graph.ops[op].inputs if i is not None and i in self._pulled})
        leaving = sorted({i for op in ops for i in graph.ops[op].outputs if i in self._pushed})
        if len(ops) == 1 and not arriving and not leaving:
            return Segment("layers", (layerwise.layer(graph, ops[0], reverse and _moves(graph, ops[0])),))
        return stream(graph, ops, arriving, leaving, reverse and not arriving and not leaving, self.parts.reaches)

    def schedule(self, cuts: Sequence[int], turning: bool = False) -> Schedule:
        """The segments that end at the cuts, one after the other.

        turning  they run forth and back in turns: an output that overwrites its input lies some way below it in
                 memory where rows run forth, and above it where they run back, so that in turns it stays where it is
        """
        made: list[Segment] = []
        first, reverse = 0, True
        for after in cuts:
            ops = self.parts.running[first:after]
            reverse = not reverse if len(ops) > 1 or _moves(self.graph, ops[0]) else reverse
            segment = self._segment(self.graph, ops, turning and reverse)
            assert segment is not None, "the search tried this segment"
            if made and made[-1].kind == segment.kind == "layers":
                made[-1] = Segment("layers", made[-1].nodes + segment.nodes)
            else:
                made.append(segment)
            first = after
        return Schedule(tuple(made))


def cost(schedule: Schedule) -> int:
    """Instructions, about, that a schedule needs beyond those of layer by layer."""
    return sum(_cost(segment.nodes) for segment in schedule.segments)


def _cost(nodes: Sequence[Node]) -> int:
    total = 0
    for node in nodes:
        if isinstance(node, Loop):
            due = [child.n if isinstance(child, Due) else node.n for child in node.body]
            total += CALL * sum(due) + TURN * node.n * sum(isinstance(child, Due) for child in node.body)
    return total


def _moves(graph: Graph, index: int) -> bool:
    """Whether an operator's output can overwrite its input only some way behind, so that its direction matters."""
    op = graph.ops[index]
    several = graph.result(op).hwc[0] > 1
    return several and TABLE[op.kind].overlap is Overlap.NEVER and moved_parts(graph, op) is None
