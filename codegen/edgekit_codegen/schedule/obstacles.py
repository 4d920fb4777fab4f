"""How far a stream around the peak can reach, and what ends it: what to change in a model to make it smaller."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator

from ..ir.types import Graph, Op
from ..ops import TABLE
from . import walk
from .edges import streamable
from .ends import layer_name, operands, resident
from .reach import reach
from .stream import stream
from .tiles import Member, adds
from .types import Run, Schedule


def obstacles(graph: Graph, schedule: Schedule, step: int) -> tuple[str, ...]:
    """What keeps the layers of a step from running in one stream with all around them, a sentence each.

    step  a top-level node of the schedule, by its number; -1 before the first, their number behind the last
    """
    steps = walk.nodes(schedule)
    leaves = list(walk.leaves(steps[min(max(step, 0), len(steps) - 1)]))
    layers = walk.layers(schedule)
    inside = [layers.index(leaf.op) for leaf in leaves if isinstance(leaf, Run)]
    first, last = _reach(graph, layers, min(inside), max(inside))
    found: list[str] = []
    if (first, last) != (min(inside), max(inside)):
        found.append(f"layers {first:02d} to {last:02d} can be one stream, no longer one:")
    if first > 0:
        found += _between(graph, layers, first - 1, first)
    elif not walk.streamed(schedule) & set(graph.inputs):
        found.append(_input(graph, layers))
    if last < len(layers) - 1:
        found += _between(graph, layers, last, last + 1)
    elif not walk.streamed(schedule) & set(graph.outputs):
        found += _output(graph)
    return tuple(dict.fromkeys(found))


def _reach(graph: Graph, layers: tuple[int, ...], first: int, last: int) -> tuple[int, int]:
    """The longest stream of which each layer needs a part only of what it reads: first backwards, then forwards."""
    lowest, highest = first, last
    while lowest > 0 and not _ends(graph, layers, lowest):
        lowest -= 1
    while highest < len(layers) - 1 and not _ends(graph, layers, highest + 1):
        highest += 1
    more = range(1, first - lowest + 1)
    first -= bisect(more, 0, key=lambda n: not _runs(graph, layers[first - n : last + 1]))
    more = range(1, highest - last + 1)
    last += bisect(more, 0, key=lambda n: not _runs(graph, layers[first : last + n + 1]))
    return first, last


def _runs(graph: Graph, layers: tuple[int, ...]) -> bool:
    """Whether layers can be one stream; where they cannot, no longer one that holds them can be."""
    return stream(graph, [Member((op,), adds=adds(graph, graph.ops[op])) for op in sorted(layers)]) is not None


def _ends(graph: Graph, layers: tuple[int, ...], number: int) -> bool:
    """Whether a layer needs the whole of what it reads, so that a stream into it saves nothing."""
    op = graph.ops[layers[number]]
    if adds(graph, op):
        return False
    for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
        if not tensor.is_constant:
            found = reach(graph, op, position)
            if int((found.high - found.low).max()) + 1 >= tensor.hwc[0]:
                return True
    return False


def _input(graph: Graph, layers: tuple[int, ...]) -> str:
    if _ends(graph, layers, 0):
        return _needs(0, graph, graph.ops[layers[0]])
    return "the input lies in memory as a whole; it need not where its rows arrive one by one (--stream-input)"


def _output(graph: Graph) -> Iterator[str]:
    rows = graph.tensors[graph.outputs[0]].hwc[0]
    if len(graph.outputs) == 1 and rows > 1 and resident(graph, graph.outputs[0]) is None:
        yield "the output lies in memory as a whole; it need not where its rows leave one by one (--stream-output)"


def _between(graph: Graph, layers: tuple[int, ...], first: int, after: int) -> Iterator[str]:
    """Why two layers that follow each other cannot be in the stream that one of them ends."""
    op = graph.ops[layers[after]]
    if _ends(graph, layers, after):
        yield _needs(after, graph, op)
    elif not streamable(graph, graph.ops[layers[first]]):
        yield _needs(first, graph, graph.ops[layers[first]])
    else:
        rows = f"the rows of {operands(graph, op)}"
        yield f"{layer_name(after, op)} reads {rows} at another pace than the stream has them"


def _needs(number: int, graph: Graph, op: Op) -> str:
    return f"{layer_name(number, op)} needs {operands(graph, op)} as a whole"
