"""The front: plans that no other one beats in both memory and time, and the fastest one within a budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from ..cost import instructions
from ..errors import CodegenError, DoesNotFit, UnsupportedModel
from ..ir.types import Graph, TensorId
from ..memory.buffer import lower_bound
from ..memory.buffers import buffers
from ..memory.elide import elide
from ..memory.fit import does_not_fit, hint, peak_lines
from ..memory.plan import Plan
from ..memory.planner import make_plan
from ..prices import Pricing, evenly, price
from ..target import Region, Target
from . import layerwise
from .segments import Piece, Segments
from .text import describe
from .types import Schedule
from .weave import UNLIMITED, weave
from .work import mac_factor, overhead

STEP = 100
"""A point of a front is smaller by at least one part in so many than the one before."""

LEAST = 3
"""Choices that are planned to find the smallest plan of all."""

SMALLER = 4
"""Times that a smaller one than that is sought."""


@dataclass(frozen=True, slots=True)
class Point:
    """One plan of a front.

    overhead    instructions, about, that the schedule needs beyond those of layer by layer
    mac_factor  multiply-accumulates executed by those of the graph; 1.0 where nothing is computed twice
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
    large, segments = unlimited(target), Segments(graph, pulled)
    points: list[Point] = []
    for choice in _choices(segments, UNLIMITED):
        for schedule in choice:
            smallest = points[-1].plan.arena_bytes if points else UNLIMITED
            bound = _bound(graph, schedule)
            if bound > smallest - smallest // STEP:
                continue
            plan = make_plan(graph, schedule, large)
            if plan.arena_bytes <= smallest - smallest // STEP:
                points = _with(points, graph, plan, "streamed" if pulled else "resident")
            if plan.arena_bytes - bound <= bound // STEP:
                break
    for priced in (segments, Segments(graph, pulled, pricing=evenly)) if points else ():
        for plan in _smaller(priced, large, points[-1].plan):
            points = _with(points, graph, plan, points[0].input)
    return tuple(points)


def _with(points: Sequence[Point], graph: Graph, plan: Plan, arrives: str) -> list[Point]:
    """The points and a smaller plan, without those that are no faster than it is."""
    extra = overhead(graph, plan.schedule)
    return [*(p for p in points if p.overhead < extra), Point(plan, extra, mac_factor(graph, plan.schedule), arrives)]


def fastest(
    graph: Graph,
    target: Target,
    budget: int | None = None,
    pulled: Collection[TensorId] = (),
    pricings: Sequence[Pricing] = (price, evenly),
) -> Plan:
    """The fastest plan that fits the target's memory, and takes no more than `budget` bytes of it where one is given.

    pricings  what calls of kernels cost; each further one is tried where the search led to nothing by those before

    Raises DoesNotFit (code "memory.does_not_fit") with the smallest plan there is and what holds its peak, and
    UnsupportedModel for an input that cannot arrive row by row.
    """
    room = sum(region.size for region in target.regions)
    limit = room if budget is None else min(budget, room)
    priced = [Segments(graph, pulled, pricing=pricing) for pricing in pricings]
    for segments, closely in product(priced, (False, True)):
        plan = _first(segments, target, limit, closely)
        if plan is not None:
            return plan
    least = _smallest(priced[-1])
    plan = None if least is None else _within(graph, least.schedule, target, limit)
    if plan is None:
        raise _nothing_fits(graph, target, limit, least, "streamed" if pulled else "resident")
    return plan


def _first(segments: Segments, target: Target, limit: int, closely: bool) -> Plan | None:
    """The plan of the fastest choice that fits."""
    plans = (
        _within(segments.graph, schedule, target, limit)
        for choice in _choices(segments, limit, closely)
        for schedule in choice
    )
    return next((plan for plan in plans if plan is not None), None)


def _smaller(segments: Segments, target: Target, plan: Plan) -> Iterator[Plan]:
    """Plans below the smallest one that estimates lead to, each smaller than the one before."""
    found: Plan | None = plan
    for _ in range(SMALLER):
        assert found is not None
        found = _first(segments, target, found.arena_bytes - max(found.arena_bytes // STEP, 1), True)
        if found is None:
            return
        yield found


def _within(graph: Graph, schedule: Schedule, target: Target, limit: int) -> Plan | None:
    """A plan of the schedule that fits the target and takes no more than `limit` bytes; None where there is none."""
    if _bound(graph, schedule) > limit:
        return None
    try:
        plan = make_plan(graph, schedule, target, limit=limit)
    except DoesNotFit:
        return None
    return plan if plan.arena_bytes <= limit else None


def smallest(
    graph: Graph, target: Target, slowdown: float, budget: int | None = None, pulled: Collection[TensorId] = ()
) -> Plan:
    """The smallest plan that fits, of those that need at most about `slowdown` times layer by layer's instructions.

    Raises as `fastest`, and DoesNotFit (code "memory.too_slow") where only slower plans fit.
    """
    limit = sum(region.size for region in target.regions) if budget is None else budget
    allowed = (slowdown - 1) * instructions(graph)
    best: Plan | None = None
    for choice in _choices(Segments(graph, pulled), limit):
        for schedule in choice:
            plan = None if overhead(graph, schedule) > allowed else _within(graph, schedule, target, limit)
            if plan is not None:
                best, limit = plan, plan.arena_bytes - 1
    if best is not None:
        return best
    faster = fastest(graph, target, budget, pulled)
    needed = 1 + overhead(graph, faster.schedule) / max(instructions(graph), 1)
    raise DoesNotFit(
        "memory.too_slow",
        f"what fits takes about {needed:.3f} times the instructions of layer by layer, {slowdown:g} are allowed",
        "allow more time, or more memory",
    )


def _choices(segments: Segments, limit: int, closely: bool = False) -> Iterator[Iterator[Schedule]]:
    """Choices of schedules, the fastest first, each in its variants; layer by layer without any search. limit, closely:
    as `weave` has them."""
    if not segments.pulled and not closely:
        yield iter((elide(segments.graph, layerwise.schedule(segments.graph)),))
    for woven in weave(segments, limit, closely):
        yield _variants(segments, woven.pieces)


def _variants(segments: Segments, pieces: Sequence[Piece]) -> Iterator[Schedule]:
    seen: list[Schedule] = []
    for turning, landing in ((False, False), (True, False), (False, True)):
        schedule = segments.schedule(pieces, turning, landing)
        if schedule is not None and schedule not in seen:
            seen.append(schedule)
            yield elide(segments.graph, schedule)


def _smallest(segments: Segments) -> Plan | None:
    """The smallest plan of the choices with the smallest estimates, and of what is below; None where there is no
    choice."""
    found = sorted(weave(segments), key=lambda woven: woven.peak)[:LEAST]
    large = Target("any", (Region("ram", UNLIMITED),))
    plans = (
        make_plan(segments.graph, schedule, large) for woven in found for schedule in _variants(segments, woven.pieces)
    )
    best = min(plans, key=lambda plan: plan.arena_bytes, default=None)
    return None if best is None else [best, *_smaller(segments, large, best)][-1]


def _bound(graph: Graph, schedule: Schedule) -> int:
    """Bytes that no plan of a schedule can go below."""
    return lower_bound(buffers(graph, schedule))


def unlimited(target: Target) -> Target:
    """The target with one memory that holds everything."""
    return Target(target.name, (Region("ram", UNLIMITED),), target.isa, target.cycles)


def _nothing_fits(graph: Graph, target: Target, limit: int, best: Plan | None, arrives: str) -> CodegenError:
    """best: the smallest plan there is in one piece of memory; arrives: "resident" or "streamed"."""
    if best is None:
        return UnsupportedModel(
            "unsupported.streamed_input",
            "the input cannot arrive row by row: what reads it needs the whole of it, or it is an output too",
            "plan without a streamed input",
        )
    items = buffers(graph, best.schedule)
    if best.arena_bytes <= limit:
        return does_not_fit(graph, best.schedule, target, items)
    offers = ", ".join(f"{region.name} {region.size:,}" for region in target.regions)
    lines = [
        f"needs {best.arena_bytes:,} bytes of memory at least, with its input {arrives}, {limit:,} are allowed",
        f"the schedule for that: {describe(best.schedule)}",
        f"{target.name} offers: {offers or 'none'}",
        "",
        *peak_lines(graph, best.schedule, items),
    ]
    return DoesNotFit("memory.does_not_fit", "\n".join(lines), hint(graph, items))
