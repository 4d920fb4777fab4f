"""The front, and the smallest plan within some time, where rewritten graphs lead beyond what the graph itself can."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ..cost import instructions
from ..errors import DoesNotFit
from ..ir.types import Graph, TensorId
from ..passes.rewrites import NONE, Rewrites
from ..target import Target
from . import fitting, front
from .fitting import Fitting
from .front import Point
from .segments import Segments


def points(
    graph: Graph, target: Target, pulled: Collection[TensorId] = (), pushed: Collection[TensorId] = ()
) -> tuple[Point, ...]:
    """The plans of `front.front`, and such of rewritten graphs that none of them beats; what the rewrites add counts
    among a plan's work."""
    found = list(front.front(graph, target, pulled, pushed))
    if not found:
        return ()
    for rewrites, changed in _smaller(graph, found[-1].plan.arena_bytes, pulled, pushed):
        for point in front.front(changed, target, pulled, pushed):
            schedule = point.plan.schedule
            extra, factor = fitting.overhead(graph, changed, schedule), fitting.mac_factor(graph, changed, schedule)
            found.append(replace(point, overhead=extra, mac_factor=factor, rewrites=rewrites))
    kept: list[Point] = []
    for point in sorted(found, key=lambda p: (p.overhead, p.plan.arena_bytes)):
        if not kept or point.plan.arena_bytes < kept[-1].plan.arena_bytes:
            kept.append(point)
    return tuple(kept)


def smallest(
    graph: Graph,
    target: Target,
    slowdown: float,
    budget: int | None = None,
    pulled: Collection[TensorId] = (),
    pushed: Collection[TensorId] = (),
) -> Fitting:
    """The smallest plan that fits, of the graph or a rewritten one, of those that need at most about `slowdown` times
    the instructions of the graph layer by layer.

    Raises as `fitting.fitting`, and DoesNotFit (code "memory.too_slow") where only slower plans fit.
    """
    room = sum(region.size for region in target.regions)
    limit = room if budget is None else min(budget, room)
    plan = front.within_time(graph, target, slowdown, limit, pulled, pushed)
    best = None if plan is None else Fitting(NONE, graph, plan)
    for rewrites, changed in _smaller(graph, limit + 1 if plan is None else plan.arena_bytes, pulled, pushed):
        allowed = slowdown * instructions(graph) / max(instructions(changed), 1)
        least = limit if best is None else best.plan.arena_bytes - 1
        plan = front.within_time(changed, target, allowed, least, pulled, pushed) if allowed >= 1 else None
        best = best if plan is None else Fitting(rewrites, changed, plan)
    if best is not None:
        return best
    faster = fitting.fitting(graph, target, budget, pulled, pushed)
    needed = 1 + fitting.overhead(graph, faster.graph, faster.plan.schedule) / max(instructions(graph), 1)
    raise DoesNotFit(
        "memory.too_slow",
        f"what fits takes about {needed:.3f} times the instructions of layer by layer, {slowdown:g} are allowed",
        "allow more time, or more memory",
    )


def _smaller(
    graph: Graph, arena: int, pulled: Collection[TensorId], pushed: Collection[TensorId]
) -> Iterator[tuple[Rewrites, Graph]]:
    """Rewritten graphs that have plans smaller than that, by a point's step at least."""
    less = arena - max(arena // front.STEP, 1)
    for rewrites, changed in fitting.rewritten_graphs(graph, less, pulled)[-fitting.MOST :]:
        plan = front.least(Segments(changed, pulled, pushed), roughly=True)
        if plan is not None and plan.arena_bytes <= less:
            yield rewrites, changed
