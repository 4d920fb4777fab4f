"""The front: plans that no other one beats in both memory and time, and the fastest one within a budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..errors import CodegenError, DoesNotFit, UnsupportedModel
from ..ir.types import Graph, TensorId
from ..memory.buffers import buffers, lower_bound
from ..memory.elide import elide
from ..memory.fit import hint, peak_lines
from ..memory.plan import Plan
from ..memory.planner import make_plan
from ..target import Region, Target
from . import layerwise
from .search import choices
from .segments import Segments, cost
from .text import describe
from .types import Schedule

UNLIMITED = 1 << 40
"""Bytes that no model needs."""


@dataclass(frozen=True, slots=True)
class Point:
    """One plan of a front.

    overhead    instructions, about, that the schedule needs beyond those of layer by layer
    mac_factor  multiply-accumulates executed by those of the graph: 1.0, no row is computed twice
    input       "resident", or "streamed" where each row is delivered once, in order
    """

    plan: Plan
    overhead: int
    mac_factor: float
    input: str


def front(graph: Graph, target: Target, pulled: Collection[TensorId] = ()) -> tuple[Point, ...]:
    """Plans from the fastest to the smallest, each smaller than the one before; all of them for `unlimited(target)`.

    pulled  graph inputs whose rows arrive one by one
    """
    large = unlimited(target)
    points: list[Point] = []
    for made, overhead in _candidates(graph, pulled):
        schedule = elide(graph, made)
        smallest = points[-1].plan.arena_bytes if points else UNLIMITED
        if _bound(graph, schedule) < smallest:
            plan = make_plan(graph, schedule, large)
            if plan.arena_bytes < smallest:
                points = [p for p in points if p.overhead < overhead]
                points.append(Point(plan, overhead, 1.0, "streamed" if pulled else "resident"))
    return tuple(points)


def fastest(graph: Graph, target: Target, budget: int | None = None, pulled: Collection[TensorId] = ()) -> Plan:
    """The fastest plan that fits the target's memory, and takes no more than `budget` bytes of it where one is given.

    Raises DoesNotFit (code "memory.does_not_fit") with the smallest plan there is and what holds its peak, and
    UnsupportedModel for an input that cannot arrive row by row.
    """
    room = sum(region.size for region in target.regions)
    limit = room if budget is None else min(budget, room)
    for made, _ in _candidates(graph, pulled):
        schedule = elide(graph, made)
        if _bound(graph, schedule) > limit:
            continue
        try:
            plan = make_plan(graph, schedule, target)
        except DoesNotFit:
            continue
        if plan.arena_bytes <= limit:
            return plan
    raise _nothing_fits(graph, target, limit, pulled)


def _candidates(graph: Graph, pulled: Collection[TensorId]) -> Iterator[tuple[Schedule, int]]:
    """Schedules and their overhead, the fastest first; layer by layer without any search."""
    dense = layerwise.schedule(graph)
    if not pulled:
        yield dense, 0
    segments = Segments(graph, pulled)
    made = (segments.schedule(choice.cuts, turning) for choice in choices(segments) for turning in (False, True))
    different = dict.fromkeys(schedule for schedule in made if schedule != dense)
    yield from sorted(((schedule, cost(schedule)) for schedule in different), key=lambda pair: pair[1])


def _bound(graph: Graph, schedule: Schedule) -> int:
    """Bytes that no plan of a schedule can go below."""
    return lower_bound(buffers(graph, schedule))


def unlimited(target: Target) -> Target:
    """The target with one memory that holds everything."""
    return Target(target.name, (Region("ram", UNLIMITED),), target.isa, target.cycles)


def _nothing_fits(graph: Graph, target: Target, limit: int, pulled: Collection[TensorId]) -> CodegenError:
    points = front(graph, target, pulled)
    if not points:
        return UnsupportedModel(
            "unsupported.streamed_input",
            "the input cannot arrive row by row: what reads it needs the whole of it, or it is an output too",
            "plan without a streamed input",
        )
    best = points[-1]
    items = buffers(graph, best.plan.schedule)
    offers = ", ".join(f"{region.name} {region.size:,}" for region in target.regions)
    lines = [
        f"needs {best.plan.arena_bytes:,} bytes of memory at least, with its input {best.input}, {limit:,} are allowed",
        f"the schedule for that: {describe(best.plan.schedule)}",
        f"{target.name} offers: {offers or 'none'}",
        "",
        *peak_lines(graph, best.plan.schedule, items),
    ]
    return DoesNotFit("memory.does_not_fit", "\n".join(lines), hint(graph, items))
