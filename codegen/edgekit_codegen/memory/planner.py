"""From a schedule to a plan: lifetimes, regions, offsets, and how far the result is from the lower bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from ..ir.region import Box
from ..ir.types import Graph, TensorId
from ..schedule.types import Affine, Schedule
from ..target import Region, Target
from .apart import apart
from .buffer import Buffer, lower_bound
from .buffers import buffers, outside
from .climb import climb
from .elide import elide
from .fit import does_not_fit
from .place import Placement, place
from .plan import OUTSIDE, OUTSIDE_ALIGN, Fresh, Plan, RegionUse, Scratch, Storage, Strip
from .problem import Packing, Problem
from .rotate import rotated
from .spare import with_spare

ROUNDS = (2, 4)
"""Lengths of rings that share bytes which are tried."""

ENOUGH = 100
"""Nothing more is tried where one part in so many is left to the lower bound."""

WORTH = 20
"""Layer by layer, rows lie apart where that takes one part in so many off the arena."""

WORK = 200_000
"""Pairs of buffers that the packer may look at where rows lie apart."""

Packer = Callable[[Problem, Packing], Packing]
"""From a packing to one that is not higher."""


def make_plan(
    graph: Graph, schedule: Schedule, target: Target, packer: Packer | None = None, limit: int | None = None
) -> Plan:
    """Give every activation and scratch buffer an address. Deterministic.

    packer  tries to pack lower what lies in the first region alone
    limit   a plan far above so many bytes is not improved

    The plan's schedule runs no slice and no concatenation whose elements can lie where they are needed (elide).
    Raises DoesNotFit (code "memory.does_not_fit") naming the peak, UnsupportedModel for constants that would have to
    lie in the arena.
    """
    schedule = elide(graph, schedule)
    items = buffers(graph, schedule)
    bound, items, placement = _tightest(graph, schedule, items, target.regions, limit)
    if placement is None:
        raise does_not_fit(graph, schedule, target, items)
    if packer is not None and items and placement.heights[0] == placement.total:
        packing = packer(Problem(items), Packing(placement.offset, placement.total))
        placement = replace(placement, offset=packing.offsets, heights=(packing.height, *placement.heights[1:]))
    spare: tuple[Scratch, ...] = ()
    if limit is None or placement.total <= limit:
        placement, spare = with_spare(graph, schedule, target, items, placement)
    uses = tuple(
        RegionUse(r.name, used, r.size, r.align) for r, used in zip(target.regions, placement.heights, strict=True)
    )
    outer = outside(graph, schedule)
    begins = tuple(accumulate((item.size for item in outer), initial=0))
    elsewhere = Placement((len(uses),) * len(outer), begins[:-1], ())
    if outer:
        uses = (*uses, RegionUse(OUTSIDE, begins[-1], begins[-1], OUTSIDE_ALIGN))
    storages = (*_storages(graph, items, placement), *_storages(graph, outer, elsewhere))
    return Plan(
        schedule=schedule,
        storages=tuple(sorted(storages, key=lambda s: s.tensor)),
        scratch=(
            *(
                Scratch(item.op, region, offset, item.size)
                for item, region, offset in zip(items, placement.region, placement.offset, strict=True)
                if item.op is not None
            ),
            *spare,
        ),
        regions=uses,
        arena_bytes=placement.total,
        lower_bound_bytes=bound,
    )


def _tightest(
    graph: Graph, schedule: Schedule, items: tuple[Buffer, ...], regions: tuple[Region, ...], limit: int | None
) -> tuple[int, tuple[Buffer, ...], Placement | None]:
    """The buffers as they are, or with rows that lie apart where that takes less of the first region; and the bytes
    that none of all these can go below. Layer by layer, hundreds of rows need their addresses in tables: there it is
    worth it for one part in WORTH at least."""
    bound = lower_bound(items)
    placement = place(items, regions, limit)
    if placement is not None and placement.total - bound <= bound // ENOUGH:
        return bound, items, placement
    ways = _apart(graph, schedule, items)
    if not ways or not regions:
        return bound, items, placement
    problems = [Problem(way) for way in ways]
    bound = min(bound, *(problem.lower_bound for problem in problems))
    least = regions[0].size + 1
    if placement is not None:
        layers = all(segment.kind == "layers" for segment in schedule.segments)
        least = min(least, placement.total - (placement.total // WORTH if layers else 0))
    for way, problem in zip(ways, problems, strict=True):
        enough = bound + bound // ENOUGH
        if least <= enough:
            break
        _, packing = climb([problem], WORK, enough, limit)
        if packing.height < least:
            least, empty = packing.height, (0,) * (len(regions) - 1)
            items, placement = way, Placement((0,) * len(way), packing.offsets, (least, *empty))
    return bound, items, placement


def _apart(graph: Graph, schedule: Schedule, items: tuple[Buffer, ...]) -> list[tuple[Buffer, ...]]:
    """The buffers with rows that lie apart, in several ways."""
    turned = (
        *(rotated(items, rounds) for rounds in ROUNDS),
        *(apart(graph, schedule, items, whole) for whole in (False, True)),
    )
    return [way for way in turned if len(way) > len(items)]


def _storages(graph: Graph, items: Sequence[Buffer], placement: Placement) -> Iterator[Storage]:
    """Where every tensor lies: its rows one after the other, in a ring, or in slots that lie apart."""
    apart: dict[TensorId, list[int]] = {}
    fresh: dict[TensorId, Fresh] = {}
    strips: dict[TensorId, Strip] = {}
    placed = []
    for item, region, offset in zip(items, placement.region, placement.offset, strict=True):
        if item.fresh:
            fresh[item.tensors[0]] = Fresh(region, offset, item.fresh)
        elif (tile := item.tile) is not None and tile.lines:
            strips[item.tensors[0]] = Strip(region, offset, tile.rows, tile.pixels, tile.row, tile.first)
        else:
            placed.append((item, region, offset))
    for item, region, offset in placed:
        for ident, begin in zip(item.tensors, item.begins, strict=True):
            tensor = graph.tensors[ident]
            rows, pixels, channels = tensor.hwc
            if item.tile is not None:
                pixels = item.tile.pixels
            pitch, slots = pixels * channels * tensor.dtype.size, item.lines or item.slots or rows
            if item.slot is None:
                offsets = [offset + begin + y * pitch for y in range(slots)]
            else:
                offsets = apart.setdefault(ident, [])
                offsets.append(offset)
            if len(offsets) == slots:
                box, first = Box(0, rows, 0, pixels, 0, channels), item.tile.first if item.tile else Affine(0)
                new = fresh.get(ident), strips.get(ident)
                yield Storage(ident, box, slots, pitch, region, tuple(offsets), first, *new)
