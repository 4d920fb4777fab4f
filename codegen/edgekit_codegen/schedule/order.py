"""In which order operators run: the one that needs the least memory, layer by layer.

Where the file's order is as good as any, it stays. Otherwise, between operators that every other one comes before or
after, the order is searched: exactly as long as the budget lasts, which is far beyond the branches of usual models, and
by beam search behind that. The measure is `Condensed.step`: what waits, whole, and the busiest moment of the operator
that runs, in which its result may overwrite the rows of operands that die.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..ir.types import Graph
from ..memory.buffer import lower_bound
from ..memory.buffers import buffers
from ..memory.elide import elide
from . import layerwise
from .condensed import Condensed
from .downsets import Budget, best

STEPS = 200_000
"""Steps from one set of operators to the next that are tried for one graph beyond the beam search: some seconds."""


def ordered(graph: Graph) -> Graph:
    """The graph with its operators in the order of the least peak, layer by layer; views right behind what they show.

    Deterministic. Never worse than the given order by the planner's bound of a layer-by-layer schedule, with or without
    the copies that it can leave out; the graph itself where nothing is gained.
    """
    condensed = Condensed(graph)
    budget = Budget(STEPS)
    units: list[int] = []
    done, live = 0, condensed.begin
    for part in _parts(condensed):
        chosen = best(condensed, part, done, live, budget) if len(part) > 1 else part
        for unit in chosen:
            _, live = condensed.step(unit, done, live)
            done |= 1 << unit
        units += chosen
    if units == sorted(units):
        return graph
    changed = graph.with_ops(tuple(graph.ops[n] for n in condensed.order(units)))
    pairs = tuple(zip(_bounds(changed), _bounds(graph), strict=True))
    better = all(new <= old for new, old in pairs) and any(new < old for new, old in pairs)
    return changed if better else graph


def _parts(condensed: Condensed) -> Iterator[tuple[int, ...]]:
    """The units between those that every other one comes before or after, and each of these alone."""
    part: list[int] = []
    for unit in range(len(condensed.ops)):
        if condensed.before[unit] | condensed.after[unit] | 1 << unit == condensed.everything:
            if part:
                yield tuple(part)
            yield (unit,)
            part = []
        else:
            part.append(unit)
    if part:
        yield tuple(part)


def _bounds(graph: Graph) -> tuple[int, int]:
    """Bytes that no plan goes below, layer by layer: with all operators, and without the copies that can stay out."""
    schedule = layerwise.schedule(graph)
    return lower_bound(buffers(graph, schedule)), lower_bound(buffers(graph, elide(graph, schedule)))
