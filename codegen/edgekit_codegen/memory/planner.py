"""From a schedule to a plan: lifetimes, regions, offsets, and how far the result is from the lower bound."""

from __future__ import annotations

from ..ir.region import Box
from ..ir.types import Graph, TensorId
from ..schedule.types import Schedule
from ..target import Target
from .buffers import buffers, live_bytes
from .elide import elide
from .fit import does_not_fit
from .place import place
from .plan import Plan, RegionUse, Scratch, Storage


def make_plan(graph: Graph, schedule: Schedule, target: Target) -> Plan:
    """Give every activation and scratch buffer an address. Deterministic.

    The plan's schedule runs no slice and no concatenation whose elements can lie where they are needed (elide).
    Raises DoesNotFit (code "memory.does_not_fit") naming the peak, UnsupportedModel for constants that would have to
    lie in the arena.
    """
    schedule = elide(graph, schedule)
    items = buffers(graph, schedule)
    placement = place(items, target.regions)
    if placement is None:
        raise does_not_fit(graph, schedule, target, items)
    storages: list[Storage] = []
    scratch: list[Scratch] = []
    for item, region, offset in zip(items, placement.region, placement.offset, strict=True):
        if item.op is not None:
            scratch.append(Scratch(item.op, region, offset, item.size))
        members = zip(item.tensors, item.begins, strict=True)
        storages += [_storage(graph, ident, region, offset + begin, item.slots) for ident, begin in members]
    uses = tuple(
        RegionUse(r.name, used, r.size, r.align) for r, used in zip(target.regions, placement.heights, strict=True)
    )
    return Plan(
        schedule=schedule,
        storages=tuple(sorted(storages, key=lambda s: s.tensor)),
        scratch=tuple(scratch),
        regions=uses,
        arena_bytes=placement.total,
        lower_bound_bytes=max(live_bytes(items).values(), default=0),
    )


def _storage(graph: Graph, ident: TensorId, region: int, offset: int, slots: int) -> Storage:
    """A tensor's rows one after the other, or a ring of `slots` of them."""
    tensor = graph.tensors[ident]
    rows, pixels, channels = tensor.hwc
    pitch = pixels * channels * tensor.dtype.size
    held = slots or rows
    return Storage(ident, Box.of(tensor.hwc), held, pitch, region, tuple(offset + y * pitch for y in range(held)))
