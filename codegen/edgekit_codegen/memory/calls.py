"""When every kernel runs, read from a schedule: the calls of its operators, turn by turn.

Times are integers that grow along the inference. SPAN of them belong to every step (top-level node) of the schedule;
before step 0 is ENTRY, when the caller fills the inputs, behind the last step is the end, when the outputs are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import CodegenError
from ..ir.region import Box
from ..ir.types import Graph
from ..schedule import walk
from ..schedule.reach import Index
from ..schedule.types import Affine, AffineBox, Copy, Due, Keep, Loop, Node, Pull, Push, Run, Schedule, Slide

SPAN = 1 << 24
"""Times of one step."""

ENTRY = -1
"""The time before the first step."""


NOWHERE = Affine(0)


def step_of(time: int) -> int:
    """The step of the schedule that a time belongs to; -1 before the first one."""
    return time // SPAN


@dataclass(frozen=True, slots=True)
class Tile:
    """The part of a tensor that is there at a time.

    rows, pixels  how many
    first         the first of the pixels, in the loops around; may lie outside the tensor
    slides        some of them stay for the next tile of the turn
    lines         how many whole rows are there besides, of earlier turns; 0 where the tile holds all that is read
    row           the first of the rows, in the loops around, where there are lines
    """

    rows: int
    pixels: int
    first: Affine
    slides: bool = False
    lines: int = 0
    row: Affine = NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What an operator does, turn by turn.

    at     when it runs
    first  from when on the bytes of what it writes are taken, which is before that where it writes in tiles
    last   until when what it reads is needed, and bytes that it writes are still to come
    low, high  the first and the last row of its output that a turn computes, of its input where it adds; None where
           turn y computes row y
    tile   what is there of the output at a time; None for all of it
    adds   it adds up the rows of its input
    once   as Run.once: nothing that it reads or writes may share bytes
    planar as Run.planar: but its output may be input 0's bytes
    """

    op: int
    at: Index
    first: Index
    last: Index
    low: Index | None = None
    high: Index | None = None
    tile: Tile | None = None
    adds: bool = False
    once: int | None = None
    planar: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """The time at which each row of a tensor arrives, leaves, or moves into its ring.

    rows  rows of a turn
    skip  how many of them, the first ones, do not move
    """

    node: Pull | Push | Copy
    times: Index
    rows: int = 1
    skip: int = 0

    @property
    def stays(self) -> npt.NDArray[np.bool_]:
        """Per row, whether it does not move."""
        return np.arange(len(self.times)) % self.rows < self.skip


def calls(graph: Graph, schedule: Schedule) -> Iterator[Call | Transfer]:
    """Every operator, and every streamed tensor, once, in the order of their first node.

    Raises CodegenError for transfers and sums of rows outside a stream, which are not placed yet.
    """
    coarse: dict[int, Call] = {}
    for step, node in enumerate(walk.nodes(schedule)):
        begin = step * SPAN
        if isinstance(node, Run) and node.once is None and _is_whole(graph, node):
            times = begin + np.arange(graph.result(graph.ops[node.op]).hwc[0], dtype=np.int64)
            yield Call(node.op, times, times, times)
        elif isinstance(node, Loop) and (paced := _paced(graph, node, begin)) is not None:
            yield from paced
        else:
            for leaf in walk.leaves(node):
                if not isinstance(leaf, Run) or leaf.adds:
                    raise CodegenError("plan.schedule", f"the planner does not place {type(leaf).__name__} nodes here")
                rows = graph.result(graph.ops[leaf.op]).hwc[0]
                since = coarse[leaf.op].first if leaf.op in coarse else np.full(rows, begin, np.int64)
                until = np.full(rows, begin + SPAN - 1, np.int64)
                coarse[leaf.op] = Call(leaf.op, until, since, until, once=leaf.once, planar=leaf.planar)
                yield coarse[leaf.op]


def _is_whole(graph: Graph, run: Run) -> bool:
    return not run.adds and run.box == AffineBox.constant(Box.of(graph.result(graph.ops[run.op]).hwc))


def _paced(graph: Graph, loop: Loop, begin: int) -> list[Call | Transfer] | None:
    """The calls of a loop in which each node takes the rows of one tensor one after the other; None for any other."""
    places = sum(1 for child in loop.body for _ in walk.leaves(child))
    made: list[Call | Transfer] = []
    place = 0
    for child in loop.body:
        var, (first, period, n) = loop.var, (0, 1, loop.n)
        body: tuple[Node, ...] = (child,)
        if isinstance(child, Due):
            var, (first, period, n), body = child.var, (child.first, child.period, child.n), child.body
        if first < 0 or first + (n - 1) * period >= loop.n:
            return None
        times = begin + (first + np.arange(n, dtype=np.int64) * period) * places + place
        found = _turns(graph, body, var, times)
        if found is None:
            return None
        made += found
        place += sum(1 for _ in walk.leaves(child))
    return made


def _turns(graph: Graph, body: Sequence[Node], var: str, times: Index) -> Sequence[Call | Transfer] | None:
    """The calls of one node in its turns; None unless they take all rows of a tensor."""
    if len(body) == 1 and isinstance(body[0], Copy):
        return _landed(graph, body[0], var, times)
    if len(body) == 1 and isinstance(body[0], Pull | Push | Run):
        order = _order(graph, body[0], var, len(times))
        if order is not None:
            ordered = np.empty_like(times)
            ordered[order] = times
            if not isinstance(body[0], Run):
                return [Transfer(body[0], ordered)]
            return [Call(body[0].op, ordered, ordered, ordered, adds=body[0].adds)]
    tile = Loop("", 1, tuple(body))
    if len(body) == 1 and isinstance(body[0], Loop):
        tile = body[0]
    return _tiled(graph, tile, var, times)


def _landed(graph: Graph, node: Copy, var: str, times: Index) -> Sequence[Transfer] | None:
    """When the rows move; None unless the same rows of every turn do."""
    turn, first = dict(node.row.terms).get(var, 0), node.row.const
    rows = graph.tensors[node.tensor].hwc[0]
    if len(node.row.terms) != 1 or turn < 1 or not turn * (len(times) - 1) < rows <= turn * len(times):
        return None
    if not 0 <= first < first + node.rows == turn:
        return None
    return [Transfer(node, times[np.arange(rows) // turn], turn, first)]


def _order(graph: Graph, node: Pull | Push | Run, var: str, n: int) -> Index | None:
    """The rows that a node computes, adds or moves, one for every value 0 .. n-1 of a variable; None unless these are
    all rows of a tensor, whole, up or down."""
    if isinstance(node, Run):
        rows, pixels, channels = _counted(graph, node)
        begin = node.box.y0
        after = Affine(begin.const + 1, begin.terms)
        if node.box != AffineBox(begin, after, Affine(0), Affine(pixels), Affine(0), Affine(channels)):
            return None
    else:
        rows, begin = graph.tensors[node.tensor].hwc[0], node.row
    up, down = Affine(0, ((var, 1),)), Affine(n - 1, ((var, -1),))
    if rows != n or begin not in (up, down) or (begin == down and isinstance(node, Run) and node.adds):
        return None
    return np.array([begin.at({var: value}) for value in range(n)], np.int64)


def _tiled(graph: Graph, loop: Loop, var: str, times: Index) -> Sequence[Call] | None:
    """The calls of operators that run one after the other for a tile; None unless the last one's tiles make up its
    output."""
    found = [_in_turn(child, loop) for child in loop.body]
    parts = [part for part in found if part is not None]
    runs = [part.node for part in parts if isinstance(part.node, Run)]
    if (
        not runs
        or len(parts) < len(found)
        or len({run.op for run in runs}) < len(runs)
        or any(r.adds for r in runs[:-1])
    ):
        return None
    moves = {part.node.tensor: part.node for part in parts if isinstance(part.node, Slide)}
    lines = {part.node.tensor: part.node.lines for part in parts if isinstance(part.node, Keep)}
    begin, end = times, times + len(parts) - 1
    made = []
    for place, (run, turns) in enumerate((part.node, part.turns) for part in parts):
        if not isinstance(run, Run):
            continue
        if not _moves_by(run, var, turns.var) or (run is runs[-1] and not _covers(graph, run, var, len(times), turns)):
            return None
        rows = _counted(graph, run)[0]
        turn = np.arange(len(times), dtype=np.int64)
        low, high = (_values(bound, var, turn) for bound in (run.box.y0, run.box.y1))
        low, high = np.clip(low, 0, rows), np.clip(high, 0, rows) - 1
        first, last = (begin, end) if loop.n > 1 else (times + place, times + place)
        tile = None
        if run is not runs[-1]:
            written = graph.ops[run.op].outputs[0]
            tile = _tile(graph, run, turns, loop, moves.get(written))
            if written in lines:
                tile = replace(tile, lines=lines[written], row=run.box.y0)
            first = begin if tile.slides or tile.lines else times + place
        made.append(Call(run.op, times + place, first, last, low, high, tile, run.adds))
    return made


@dataclass(frozen=True, slots=True)
class _Part:
    """A node of a loop over tiles, and the tiles in which it is due."""

    node: Run | Slide | Keep
    turns: Due


def _in_turn(child: Node, loop: Loop) -> _Part | None:
    """None for what is no part of a tile."""
    turns = child if isinstance(child, Due) else Due(loop.var, loop.var, 0, 1, loop.n, (child,))
    node = turns.body[0]
    alone = len(turns.body) == 1 and turns.of == loop.var and turns.period == 1
    return _Part(node, turns) if alone and isinstance(node, Run | Slide | Keep) else None


def _tile(graph: Graph, run: Run, turns: Due, loop: Loop, move: Slide | None) -> Tile:
    """What is there of a Run's output, the first pixel counted by the loop's variable; move: where it slides."""
    rows, begin = min(run.box.y1.const - run.box.y0.const, _counted(graph, run)[0]), run.box.x0
    if move is None:
        step = dict(begin.terms).get(turns.var, 0)
        first = Affine(begin.const - step * turns.first, tuple((loop.var, k) for _, k in begin.terms))
        return Tile(rows, run.box.x1.const - begin.const, first)
    step = dict(move.x0.terms).get(loop.var, 0)
    return Tile(rows, move.x1.const - move.x0.const + step, move.x0, slides=True)


def _counted(graph: Graph, run: Run) -> tuple[int, int, int]:
    """Rows, pixels and channels of the tensor that a Run's box is of."""
    op = graph.ops[run.op]
    return (graph.operand(op, 0) if run.adds else graph.result(op)).hwc


def _moves_by(run: Run, var: str, tile: str) -> bool:
    """Whether the rows depend on the turn alone, the pixels on the tile alone, and their numbers on neither."""
    b = run.box
    rows_move = b.y0.terms == b.y1.terms and all(v == var and k > 0 for v, k in b.y0.terms)
    return rows_move and b.x0.terms == b.x1.terms and all(v == tile and k > 0 for v, k in b.x0.terms)


def _covers(graph: Graph, run: Run, var: str, n: int, tiles: Due) -> bool:
    """Whether the turns and tiles are the output, each part of it once."""
    rows, pixels, channels = _counted(graph, run)
    b, height, width = run.box, run.box.y1.const - run.box.y0.const, run.box.x1.const
    lead = -b.y0.const // height  # turns before the first row
    down = tuple(Affine(height * (end - lead), ((var, height),)) for end in (0, 1))
    across = Affine(0, ((tiles.var, width),)), Affine(width, ((tiles.var, width),))
    if tiles.n == 1:
        across = Affine(0), Affine(pixels)
    whole = (b.c0, b.c1) == (Affine(0), Affine(channels))
    enough = height * (n - lead - 1) < rows <= height * (n - lead) and width * (tiles.n - 1) < pixels <= width * tiles.n
    return whole and enough and (b.y0, b.y1) == down and (b.x0, b.x1) == across


def _values(bound: Affine, var: str, turn: Index) -> Index:
    return bound.const + sum(k for v, k in bound.terms if v == var) * turn
