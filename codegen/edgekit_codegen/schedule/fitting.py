"""Plans within a budget, of a rewritten graph where the graph itself has none.

What waits for its own reduction is computed again, what is wide before a single pixel in groups of channels, and
bottlenecks whose hidden tensor is too wide in groups of hidden channels.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ..cost import instructions
from ..ir.types import DType, Graph, Op, TensorId
from ..ir.verify import verify
from ..memory.plan import Plan
from ..ops import TABLE
from ..ops.depthwise_conv2d import PLANE
from ..ops.record import Overlap
from ..passes import channel_groups, channel_split, computed_again
from ..passes.rewrites import NONE, Rewrites, rewritten
from ..prices import Pricing, evenly, price
from ..target import Target
from . import front, misfit, walk, work
from .order import ordered
from .segments import Segments
from .tiles import Member
from .types import Schedule

SHARES = (1, 2, 0)
"""What is computed again: first tensors larger than the budget, then than a half of it, then all."""

MOST = 2
"""Graphs with the most rewrites, among which the smallest plan is sought."""

FAR = 1.25
"""Times the budget: where the graph with all rewrites needs more at least, those with fewer are not tried."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A plan, and what was done to the graph that it is of.

    graph  after the rewrites, in the order of the least peak
    """

    rewrites: Rewrites
    graph: Graph
    plan: Plan


def fitting(
    graph: Graph,
    target: Target,
    budget: int | None = None,
    pulled: Collection[TensorId] = (),
    pushed: Collection[TensorId] = (),
    pricings: Sequence[Pricing] = (price, evenly),
) -> Fitting:
    """The fastest plan of the graph that fits, as `front.fastest` finds it; where there is none, that of the first
    rewritten graph that has one, in the order of the work that the rewrites add.

    Raises as `front.fastest`; DoesNotFit then names the smallest plan of all.
    """
    room = sum(region.size for region in target.regions)
    limit = room if budget is None else min(budget, room)
    segments = Segments(graph, pulled, pushed)
    waiting = _waits(graph, limit)
    if not waiting and (plan := front.within(segments, target, limit, pricings)) is not None:
        return Fitting(NONE, graph, plan)
    tried = [(done, Segments(g, pulled, pushed)) for done, g in rewritten_graphs(graph, limit, pulled)]
    rough: list[Fitting] | None = None
    for number, (rewrites, changed) in enumerate(tried):
        if _waits(changed.graph, limit):
            continue
        if (plan := front.within(changed, target, limit, pricings)) is not None:
            return Fitting(rewrites, changed.graph, plan)
        if rough is None and number < len(tried) - 1:
            rough = _roughly(tried[-MOST:], pricings[-1])
            if min((fitted.plan.arena_bytes for fitted in rough), default=math.inf) > FAR * limit:
                break
    several = [(NONE, segments), *tried[-MOST:]]
    rough = [*_roughly(several[:1], pricings[-1]), *(_roughly(several[1:], pricings[-1]) if rough is None else rough)]
    return _narrowest(several, rough, target, limit, pricings[-1])


def _narrowest(
    tried: Sequence[tuple[Rewrites, Segments]], found: Sequence[Fitting], target: Target, limit: int, pricing: Pricing
) -> Fitting:
    """The smallest plan of that graph which has it about, where that one fits. Raises as `fitting`. tried: the graph
    itself, and rewritten ones; found: about the smallest plan of each."""
    if not found:
        rewrites, segments = tried[0]
        return Fitting(rewrites, segments.graph, front.narrowest(segments, target, limit, pricing))
    rough = min(found, key=lambda fitted: fitted.plan.arena_bytes)
    segments = next(segments for rewrites, segments in tried if rewrites == rough.rewrites)
    best = front.improved(segments, rough.plan, pricing)
    plan = front.planned(rough.graph, best.schedule, target, limit)
    if plan is not None:
        return replace(rough, plan=plan)
    done = describe(rough.graph, best.schedule, rough.rewrites)
    raise misfit.nothing_fits(rough.graph, target, limit, best, front.modes(segments), done)


def _roughly(tried: Sequence[tuple[Rewrites, Segments]], pricing: Pricing) -> list[Fitting]:
    """About the smallest plan of each of some graphs, where one can stream their ends."""
    plans = [(rewrites, segments.graph, front.least(segments, pricing, True)) for rewrites, segments in tried]
    return [Fitting(rewrites, graph, plan) for rewrites, graph, plan in plans if plan is not None]


def prepared(graph: Graph, rewrites: Rewrites) -> Graph:
    """The graph after the rewrites, verified and in the order of the least peak; the graph itself where there are
    none."""
    if rewrites == NONE:
        return graph
    return verify(ordered(rewritten(graph, rewrites)), "fitting")


def mac_factor(graph: Graph, changed: Graph, schedule: Schedule) -> float:
    """Multiply-accumulates that a schedule of the rewritten graph executes by those of the graph."""
    return work.mac_factor(changed, schedule) * max(_macs(changed), 1) / max(_macs(graph), 1)


def overhead(graph: Graph, changed: Graph, schedule: Schedule) -> int:
    """Instructions, about, that a schedule of the rewritten graph needs beyond those of the graph layer by layer."""
    return work.overhead(changed, schedule) + instructions(changed) - instructions(graph)


def describe(changed: Graph, schedule: Schedule, rewrites: Rewrites) -> tuple[str, ...]:
    """What the rewrites did, with the numbers that the schedule's layers have: "layers 5-6 computed again"."""
    numbers = {changed.ops[op].outputs[0]: n for n, op in enumerate(walk.layers(schedule))}

    def layers(ops: Sequence[Op]) -> str:
        found = sorted(numbers[op.outputs[0]] for op in ops if op.outputs[0] in numbers)
        return f"layers {found[0]}-{found[-1]}" if len(found) > 1 else f"layer {found[0]}"

    again = [f"{layers(computed_again.layers(changed, made))} computed again" for made in rewrites.again]
    groups = [
        f"{layers(channel_groups.layers(changed, made))} in {made.count} groups of channels" for made in rewrites.groups
    ]
    splits = [
        f"{layers(channel_split.layers(changed, made))} in {made.count} groups of hidden channels"
        for made in rewrites.splits
    ]
    return (*again, *groups, *splits)


def rewritten_graphs(graph: Graph, limit: int, pulled: Collection[TensorId]) -> list[tuple[Rewrites, Graph]]:
    """Rewritten graphs, that with the least work first."""
    found: dict[Rewrites, Graph] = {}
    for rewrites in _choices(graph, limit, pulled):
        if rewrites != NONE and rewrites not in found:
            found[rewrites] = prepared(graph, rewrites)
    return sorted(found.items(), key=lambda pair: instructions(pair[1]))


def _choices(graph: Graph, limit: int, pulled: Collection[TensorId]) -> Iterator[Rewrites]:
    every = tuple(again for again in computed_again.candidates(graph) if again.source not in pulled)
    groups = tuple(channel_groups.candidates(graph))
    splits = tuple(_splits(graph, limit, pulled))
    for share in (None, *SHARES):
        least = limit if share is None else 0 if share == 0 else limit // share
        again = tuple(a for a in every if share is not None and graph.tensors[a.result].bytes > least)
        for found in dict.fromkeys(((), splits)):
            yield Rewrites(again, (), found)
            yield Rewrites(again, groups, found)


def _splits(graph: Graph, limit: int, pulled: Collection[TensorId]) -> Iterator[channel_split.Split]:
    """Bottlenecks that need more than that as layers and as streams, and not in groups: as few groups as that takes."""
    segments = Segments(graph, pulled)
    numbers = {graph.ops[index].outputs[0]: n for n, index in enumerate(segments.parts.running)}
    for chain in channel_split.chains(graph):
        first, last = (numbers[op.outputs[0]] for op in (chain[0], chain[-1]))
        if last - first + 1 == len(chain) and not _fits(segments, first, last, limit):
            beside = segments.parts.between(first, last + 1).beside + graph.operand(chain[0], 0).bytes
            sums = graph.result(chain[-1]).elements * DType.INT32.size
            hidden = max(_hidden(graph, op) for op in chain[1:-1]) if len(chain) > 2 else graph.result(chain[0]).bytes
            for count in channel_split.COUNTS:
                share = channel_split.size_of(graph, chain, count) / graph.result(chain[0]).shape[-1]
                if beside + sums + hidden * share + PLANE <= limit:
                    yield channel_split.Split(chain[0].outputs[0], chain[-1].outputs[0], count)
                    break


def _fits(segments: Segments, first: int, last: int, limit: int) -> bool:
    """Whether operators fit, each on its own, in a stream, or in one with the least rows between them."""
    if max(_least(segments, n) for n in range(first, last + 1)) <= limit:
        return True
    need = segments.need(first, last + 1)
    lines = Member(tuple(segments.parts.running[first : last + 1]), 1, 1, slides=True, lines=True)
    return (need is not None and need.rows <= limit) or segments.bound((lines,)) <= limit


def _hidden(graph: Graph, op: Op) -> int:
    """Bytes of an operator's input and output, once where it can overwrite the one with the other."""
    source, out, record = graph.operand(op, 0).bytes, graph.result(op).bytes, TABLE[op.kind]
    in_place = record.overlap is Overlap.IN_PLACE or record.planar(graph, op) is not None
    return max(source, out) if in_place else source + out


def _least(segments: Segments, number: int) -> int:
    """Bytes that are live while an operator runs on its own, over its input where it can."""
    need, over = segments.need(number, number + 1), segments.over(number)
    found = [n.rows for n in (need, None if over is None else over[1]) if n is not None]
    return min(found, default=0)


def _waits(graph: Graph, limit: int) -> bool:
    """Whether more bytes than that wait for a reduction."""
    return any(size > limit for size in computed_again.waiting(graph))


def _macs(graph: Graph) -> int:
    return sum(TABLE[op.kind].macs(graph, op) for op in graph.ops)
