"""The front: plans that no other one beats in both memory and time, and the fastest one within a budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..cost import instructions
from ..errors import DoesNotFit
from ..ir.types import Graph, TensorId
from ..memory.buffer import lower_bound
from ..memory.buffers import buffers
from ..memory.elide import elide
from ..memory.plan import Plan
from ..memory.planner import make_plan
from ..passes.rewrites import NONE, Rewrites
from ..prices import Pricing, evenly, price
from ..target import Region, Target
from . import layerwise
from .misfit import cannot_stream, nothing_fits
from .segments import Piece, Segments
from .types import Schedule
from .weave import UNLIMITED, weave
from .work import mac_factor, overhead

STEP = 100
"""A point of a front is smaller by at least one part in so many than the one before."""

LEAST = 3
"""Choices that are planned to find the smallest plan of all."""

SMALLER = 4
"""Times that a front goes on below that one."""

DESCENT = (10, 30, STEP)
"""To the smallest plan: it is to be smaller by one part in so many than the one before, as long as there are such."""

ANY = Target("any", (Region("ram", UNLIMITED),))
"""Memory as large as it takes."""


@dataclass(frozen=True, slots=True)
class Point:
    """One plan of a front.

    overhead    instructions, about, that the schedule needs beyond those of layer by layer
    mac_factor  multiply-accumulates executed by those of the graph; 1.0 where nothing is computed twice
    rewrites    what was done to the graph before, whose work the two count as well
    input       "resident", "streamed" where each row is delivered once, in order, or "random-access" where it is read
                in memory of the caller's
    output      "resident", or "streamed" where each row leaves as soon as it is computed
    """

    plan: Plan
    overhead: int
    mac_factor: float
    input: str
    output: str = "resident"
    rewrites: Rewrites = NONE


def front(
    graph: Graph, target: Target, pulled: Collection[TensorId] = (), pushed: Collection[TensorId] = ()
) -> tuple[Point, ...]:
    """Plans from the fastest to the smallest, each smaller than the one before; all of them for `unlimited(target)`.

    pulled  graph inputs whose rows arrive one by one
    pushed  graph outputs whose rows leave one by one
    """
    large, segments = unlimited(target), Segments(graph, pulled, pushed)
    points: list[Point] = []
    for choice in _choices(segments, UNLIMITED):
        for schedule in choice:
            smallest = points[-1].plan.arena_bytes if points else UNLIMITED
            less, bound = smallest - max(smallest // STEP, 1), _bound(graph, schedule)
            if points and bound > less:
                continue
            plan = make_plan(graph, schedule, large, limit=less if points else None)
            if not points or plan.arena_bytes <= less:
                points = _with(points, segments, plan)
            if plan.arena_bytes - bound <= bound // STEP:
                break
    for priced in (segments, segments.priced(evenly)) if points else ():
        for plan in _smaller(priced, large, points[-1].plan):
            points = _with(points, priced, plan)
    return tuple(points)


def _with(points: Sequence[Point], segments: Segments, plan: Plan) -> list[Point]:
    """The points and a smaller plan, without those that are no faster than it is."""
    extra, factor = overhead(segments.graph, plan.schedule), mac_factor(segments.graph, plan.schedule)
    added = Point(plan, extra, factor, *modes(segments))
    return [*(p for p in points if p.overhead < extra), added]


def modes(segments: Segments) -> tuple[str, str]:
    """How input and output are taken, as `Point` has it."""
    return mode(bool(segments.pulled), bool(segments.graph.outside)), mode(bool(segments.pushed))


def mode(streamed: bool, outside: bool = False) -> Literal["resident", "streamed", "random-access"]:
    """How one end is taken."""
    return "streamed" if streamed else "random-access" if outside else "resident"


def fastest(
    graph: Graph,
    target: Target,
    budget: int | None = None,
    pulled: Collection[TensorId] = (),
    pricings: Sequence[Pricing] = (price, evenly),
    pushed: Collection[TensorId] = (),
) -> Plan:
    """The fastest plan that fits the target's memory, and takes no more than `budget` bytes of it where one is given.

    pulled, pushed  as `front` has them
    pricings        what calls of kernels cost; each further one is tried where those before led the search to nothing

    Raises DoesNotFit (code "memory.does_not_fit") with the smallest plan there is and what holds its peak, and
    UnsupportedModel for an input that cannot arrive, or an output that cannot leave, row by row.
    """
    room = sum(region.size for region in target.regions)
    limit = room if budget is None else min(budget, room)
    segments = Segments(graph, pulled, pushed)
    plan = within(segments, target, limit, pricings)
    return plan if plan is not None else narrowest(segments, target, limit, pricings[-1])


def within(
    segments: Segments, target: Target, limit: int, pricings: Sequence[Pricing] = (price, evenly)
) -> Plan | None:
    """The fastest plan that fits the target and takes no more than `limit` bytes; None where the search finds none."""
    if _ends(segments) > min(limit, max((region.size for region in target.regions), default=0)):
        return None
    priced = (segments.priced(pricing) for pricing in pricings)
    plans = (_first(one, target, limit, closely) for one in priced for closely in (False, True))
    return next((plan for plan in plans if plan is not None), None)


def _ends(segments: Segments) -> int:
    """Bytes of the largest input or output that lies in memory as a whole, in one region."""
    graph = segments.graph
    resident = {*graph.inputs} - segments.pulled - graph.outside | {*graph.outputs} - segments.pushed
    return max((graph.tensors[ident].bytes for ident in resident), default=0)


def narrowest(segments: Segments, target: Target, limit: int, pricing: Pricing = evenly) -> Plan:
    """The smallest plan, where that one fits; raises as `fastest` where it does not."""
    graph, pulled, pushed = segments.graph, segments.pulled, segments.pushed
    best = least(segments, pricing)
    if best is None:
        alone = not pushed or least(Segments(graph, pulled), pricing) is None
        raise cannot_stream(graph, bool(pulled) and alone, pushed)
    plan = planned(graph, best.schedule, target, limit)
    if plan is None:
        raise nothing_fits(graph, target, limit, best, modes(segments))
    return plan


def least(segments: Segments, pricing: Pricing = evenly, roughly: bool = False) -> Plan | None:
    """The smallest plan that is found, in one piece of memory as large as it takes; None where an end cannot stream.
    roughly: what estimates lead to will do, and nothing smaller is sought."""
    best = _smallest(segments.priced(pricing))
    return best if best is None or roughly else improved(segments, best, pricing)


def improved(segments: Segments, plan: Plan, pricing: Pricing = evenly, steps: Sequence[int] = DESCENT) -> Plan:
    """The smallest plan that is found below another one; that one where there is none. steps: as DESCENT."""
    priced = segments.priced(pricing)
    for step in steps:
        found: Plan | None = plan
        while found is not None:
            plan, found = found, _first(priced, ANY, found.arena_bytes - max(found.arena_bytes // step, 1), True)
    return plan


def _first(segments: Segments, target: Target, limit: int, closely: bool) -> Plan | None:
    """The plan of the fastest choice that fits."""
    plans = (
        planned(segments.graph, schedule, target, limit)
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


def planned(graph: Graph, schedule: Schedule, target: Target, limit: int) -> Plan | None:
    """A plan of the schedule that fits the target and takes no more than `limit` bytes; None where there is none."""
    if _bound(graph, schedule) > limit:
        return None
    try:
        plan = make_plan(graph, schedule, target, limit=limit)
    except DoesNotFit:
        return None
    return plan if plan.arena_bytes <= limit else None


def within_time(
    graph: Graph,
    target: Target,
    slowdown: float,
    limit: int,
    pulled: Collection[TensorId] = (),
    pushed: Collection[TensorId] = (),
) -> Plan | None:
    """The smallest plan that fits and takes no more than `limit` bytes, of those that need at most about `slowdown`
    times layer by layer's instructions; None where the search finds none."""
    allowed = (slowdown - 1) * instructions(graph)
    best: Plan | None = None
    for choice in _choices(Segments(graph, pulled, pushed), limit):
        for schedule in choice:
            plan = None if overhead(graph, schedule) > allowed else planned(graph, schedule, target, limit)
            if plan is not None:
                best, limit = plan, plan.arena_bytes - 1
    return best


def _choices(segments: Segments, limit: int, closely: bool = False) -> Iterator[Iterator[Schedule]]:
    """Choices of schedules, the fastest first, each in its variants; layer by layer without any search. limit, closely:
    as `weave` has them."""
    if not segments.pulled and not segments.pushed and not closely:
        yield iter((elide(segments.graph, layerwise.schedule(segments.graph)),))
    for woven in weave(segments, limit, closely):
        yield _variants(segments, woven.pieces)
    yield from (_variants(segments, pieces) for pieces in _entire(segments))


def _entire(segments: Segments) -> Iterator[Sequence[Piece]]:
    """The whole graph as one stream, where its output leaves row by row: skips from one of its ends to the other are
    rings then, but knots of so many operators are beyond the search."""
    if segments.pushed and segments.possible(0, segments.count):
        yield (segments.piece(0, segments.count),)


def _variants(segments: Segments, pieces: Sequence[Piece]) -> Iterator[Schedule]:
    seen: list[Schedule] = []
    for turning, landing in ((False, False), (True, False), (False, True)):
        schedule = segments.schedule(pieces, turning, landing)
        if schedule is not None and schedule not in seen:
            seen.append(schedule)
            yield elide(segments.graph, schedule)


def _smallest(segments: Segments) -> Plan | None:
    """The smallest plan of the choices with the smallest estimates; None where there is no choice."""
    found = sorted(weave(segments), key=lambda woven: woven.peak)[:LEAST]
    choices = (*(woven.pieces for woven in found), *_entire(segments))
    best: Plan | None = None
    for schedule in (schedule for pieces in choices for schedule in _variants(segments, pieces)):
        if best is None:
            best = make_plan(segments.graph, schedule, ANY)
        else:
            best = planned(segments.graph, schedule, ANY, best.arena_bytes - 1) or best
    return best


def _bound(graph: Graph, schedule: Schedule) -> int:
    """Bytes that no plan of a schedule can go below."""
    return lower_bound(buffers(graph, schedule))


def unlimited(target: Target) -> Target:
    """The target with one memory that holds everything."""
    return Target(target.name, (Region("ram", UNLIMITED),), target.isa, target.cycles)
