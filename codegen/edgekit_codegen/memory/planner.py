"""From a schedule to a plan: lifetimes, regions, offsets, and how far the result is from the lower bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..ir.region import Box
from ..ir.types import Graph, TensorId
from ..schedule.types import Affine, Schedule
from ..target import Region, Target
from .buffer import Buffer, lower_bound
from .buffers import buffers
from .elide import elide
from .fit import does_not_fit
from .place import Placement, place
from .plan import Fresh, Plan, RegionUse, Scratch, Storage
from .rotate import rotated

ROUNDS: tuple[int, ...] = (2, 4)
"""Lengths of rings that share bytes which are tried."""

ENOUGH = 100
"""Nothing more is tried where one part in so many is left to the lower bound."""


def make_plan(graph: Graph, schedule: Schedule, target: Target) -> Plan:
    """Give every activation and scratch buffer an address. Deterministic.

    The plan's schedule runs no slice and no concatenation whose elements can lie where they are needed (elide).
    Raises DoesNotFit (code "memory.does_not_fit") naming the peak, UnsupportedModel for constants that would have to
    lie in the arena.
    """
    schedule = elide(graph, schedule)
    items = buffers(graph, schedule)
    bound = lower_bound(items)
    items, placement = _tightest(items, bound, target.regions)
    if placement is None:
        raise does_not_fit(graph, schedule, target, items)
    uses = tuple(
        RegionUse(r.name, used, r.size, r.align) for r, used in zip(target.regions, placement.heights, strict=True)
    )
    return Plan(
        schedule=schedule,
        storages=tuple(sorted(_storages(graph, items, placement), key=lambda s: s.tensor)),
        scratch=tuple(
            Scratch(item.op, region, offset, item.size)
            for item, region, offset in zip(items, placement.region, placement.offset, strict=True)
            if item.op is not None
        ),
        regions=uses,
        arena_bytes=placement.total,
        lower_bound_bytes=bound,
    )


def _tightest(
    items: tuple[Buffer, ...], bound: int, regions: tuple[Region, ...]
) -> tuple[tuple[Buffer, ...], Placement | None]:
    """The buffers as they are, or with rings that share bytes where that takes less of the first region."""
    best = items, place(items, regions)
    for rounds in ROUNDS:
        if best[1] is not None and best[1].total - bound <= bound // ENOUGH:
            break
        turned = rotated(items, rounds)
        alone = place(turned, regions[:1]) if len(turned) > len(items) else None
        if alone is not None and (best[1] is None or alone.total < best[1].total):
            best = turned, replace(alone, heights=(*alone.heights, *(0 for _ in regions[1:])))
    return best


def _storages(graph: Graph, items: Sequence[Buffer], placement: Placement) -> Iterator[Storage]:
    """Where every tensor lies: its rows one after the other, in a ring, or in slots that lie apart."""
    apart: dict[TensorId, list[int]] = {}
    fresh = {
        item.tensors[0]: Fresh(region, offset, item.fresh)
        for item, region, offset in zip(items, placement.region, placement.offset, strict=True)
        if item.fresh
    }
    for item, region, offset in zip(items, placement.region, placement.offset, strict=True):
        for ident, begin in zip(item.tensors, item.begins, strict=True) if not item.fresh else ():
            tensor = graph.tensors[ident]
            rows, pixels, channels = tensor.hwc
            if item.tile is not None:
                pixels = item.tile.pixels
            pitch, slots = pixels * channels * tensor.dtype.size, item.slots or rows
            if item.slot is None:
                offsets = [offset + begin + y * pitch for y in range(slots)]
            else:
                offsets = apart.setdefault(ident, [])
                offsets.append(offset)
            if len(offsets) == slots:
                box, first = Box(0, rows, 0, pixels, 0, channels), item.tile.first if item.tile else Affine(0)
                yield Storage(ident, box, slots, pitch, region, tuple(offsets), first, fresh.get(ident))
