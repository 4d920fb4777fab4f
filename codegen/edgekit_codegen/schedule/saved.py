"""Schedules as choices: what a file keeps, instead of nodes. A schedule is made again from its choices and its graph.

Every kind of segment has one entry in KINDS, which makes its segment from the choices; `choices` checks that what it
took from a schedule leads back to the very same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import CodegenError
from ..ir.types import Graph
from . import layerwise, walk
from .stream import stream
from .tiles import Member
from .types import Copy, Keep, Loop, Node, Pull, Push, Run, Schedule, Segment, Slide


@dataclass(frozen=True, slots=True)
class TileChoice:
    """Operators of a stream that run together (tiles.Member): so many rows of the last one's output at a time, in tiles
    of so many pixels, 0 for whole rows. slides: they keep the columns that the next tile reads again; lines: the rows
    that the next turn reads again, too."""

    operators: tuple[int, ...]
    rows: int = 1
    pixels: int = 0
    slides: bool = False
    lines: bool = False


@dataclass(frozen=True, slots=True)
class SegmentChoice:
    """One segment.

    kind       as Segment.kind
    operators  indices into the graph's operators, in the order in which they are run
    reversed   those of them that run from their last row to the first
    pulled     graph inputs, by position, whose rows arrive one by one in this segment
    pushed     graph outputs, by position, whose rows leave one by one
    adds       those of them that add up the rows of their input as they come
    landing    rows move into their rings after they were read for the first time
    planar     those of them that overwrite their input plane by plane
    tile       those of them that run together
    """

    kind: str
    operators: tuple[int, ...]
    reversed: tuple[int, ...] = ()
    pulled: tuple[int, ...] = ()
    pushed: tuple[int, ...] = ()
    adds: tuple[int, ...] = ()
    landing: bool = False
    planar: tuple[int, ...] = ()
    tile: tuple[TileChoice, ...] = ()


def choices(graph: Graph, schedule: Schedule) -> tuple[SegmentChoice, ...]:
    """What a schedule consists of. Raises CodegenError where that does not say all about it."""
    found = tuple(_choice(graph, segment) for segment in schedule.segments)
    if any(choice.kind not in KINDS for choice in found) or restored(graph, found) != schedule:
        raise CodegenError("schedule.unsaved", "this schedule has nodes that a schedule file cannot say")
    return found


def restored(graph: Graph, chosen: Sequence[SegmentChoice]) -> Schedule:
    """The schedule of those choices. Raises CodegenError (code "schedule.impossible") where there is none."""
    return Schedule(tuple(_segment(graph, choice) for choice in chosen))


def fingerprint(graph: Graph) -> str:
    """A digest of all that a schedule depends on: operators with their attributes, and shapes, in their order."""
    digest = hashlib.sha256()
    for op in graph.ops:
        shapes = [None if t is None else (t.shape, t.dtype.value, t.is_constant) for t in graph.operands(op)]
        results = [graph.tensors[i].shape for i in op.outputs]
        digest.update(repr((op.kind, op.inputs, op.outputs, op.attrs, shapes, results)).encode())
    digest.update(repr((graph.inputs, graph.outputs)).encode())
    return digest.hexdigest()


def _choice(graph: Graph, segment: Segment) -> SegmentChoice:
    leaves = [leaf for node in segment.nodes for leaf in walk.leaves(node)]
    runs = [leaf for leaf in leaves if isinstance(leaf, Run)]
    return SegmentChoice(
        kind=segment.kind,
        operators=tuple(dict.fromkeys(leaf.op for leaf in runs)),
        reversed=tuple(dict.fromkeys(leaf.op for leaf in runs if any(k < 0 for _, k in leaf.box.y0.terms))),
        pulled=tuple(graph.inputs.index(leaf.tensor) for leaf in leaves if isinstance(leaf, Pull)),
        pushed=tuple(graph.outputs.index(leaf.tensor) for leaf in leaves if isinstance(leaf, Push)),
        adds=tuple(leaf.op for leaf in runs if leaf.adds),
        landing=any(isinstance(leaf, Copy) for leaf in leaves),
        planar=tuple(leaf.op for leaf in runs if leaf.planar),
        tile=tuple(_tiles(graph, segment)),
    )


def _tiles(graph: Graph, segment: Segment) -> Iterator[TileChoice]:
    """The operators of a stream that run together in its turns."""
    turns = [child for node in segment.nodes if isinstance(node, Loop) for child in node.body]
    for turn in turns if segment.kind == "stream" else ():
        runs = [leaf for leaf in walk.leaves(turn) if isinstance(leaf, Run)]
        if not runs or runs[0].adds:
            continue
        box = runs[-1].box
        tile = TileChoice(
            tuple(run.op for run in runs),
            box.y1.const - box.y0.const,
            box.x1.const if box.x0.terms else 0,
            any(isinstance(leaf, Slide) for leaf in walk.leaves(turn)),
            any(isinstance(leaf, Keep) for leaf in walk.leaves(turn)),
        )
        if tile != TileChoice(tile.operators[:1]):
            yield tile


def _segment(graph: Graph, choice: SegmentChoice) -> Segment:
    known = all(0 <= n < len(graph.ops) for n in (*choice.operators, *choice.reversed, *choice.adds))
    known = known and set(choice.planar) <= set(choice.operators) and not set(choice.planar) & set(choice.reversed)
    ends = all(0 <= n < len(graph.inputs) for n in choice.pulled)
    ends = ends and all(0 <= n < len(graph.outputs) for n in choice.pushed)
    made = KINDS[choice.kind](graph, choice) if choice.kind in KINDS and known and ends and choice.operators else None
    if made is None:
        span = f"{choice.kind!r} of operators {', '.join(map(str, choice.operators)) or 'none'}"
        raise CodegenError("schedule.impossible", f"there is no segment {span} in this model")
    return made


def _layers(graph: Graph, choice: SegmentChoice) -> Segment | None:
    if choice.pulled or choice.pushed or choice.adds or choice.landing or choice.tile:
        return None
    nodes = tuple(_layer(graph, choice, n) for n in choice.operators)
    return Segment("layers", tuple(node for node in nodes if node is not None)) if all(nodes) else None


def _layer(graph: Graph, choice: SegmentChoice, n: int) -> Node | None:
    """None for what cannot overwrite its input though it should."""
    return layerwise.planar(graph, n) if n in choice.planar else layerwise.layer(graph, n, n in choice.reversed)


def _stream(graph: Graph, choice: SegmentChoice) -> Segment | None:
    if choice.planar:
        return None
    pulled, pushed = [graph.inputs[n] for n in choice.pulled], [graph.outputs[n] for n in choice.pushed]
    together = {op: tile for tile in choice.tile for op in tile.operators}
    members: list[Member] = []
    for op in choice.operators:
        tile = together.get(op, TileChoice((op,)))
        if tile.rows < 1 or tile.pixels < 0 or tile.operators != tuple(sorted(set(tile.operators))):
            return None
        if op == tile.operators[-1]:
            members.append(Member(tile.operators, tile.rows, tile.pixels, op in choice.adds, tile.slides, tile.lines))
    if sorted(op for m in members for op in m.ops) != sorted(choice.operators):
        return None
    return stream(graph, members, pulled, pushed, bool(choice.reversed), landing=choice.landing)


KINDS: Mapping[str, Callable[[Graph, SegmentChoice], Segment | None]] = {"layers": _layers, "stream": _stream}
