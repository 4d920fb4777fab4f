"""Which region every buffer goes to, and where in it.

The first region alone serves where everything fits it. Otherwise the regions share the load such that all of them
together need no more than the lower bound, with the most traffic in the faster ones; and where that takes more, the
smallest of all: that, one region alone, or every region filled in order of preference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from ..target import Region
from .buffer import Buffer, live_bytes, lower_bound
from .clearance import clearances
from .pack import Shelf, pack

SPLITS = 256
"""Ways to spread the buffers of the peak over the regions that are tried; fewer where there are many buffers."""

WORK = 1 << 20
"""Pairs of buffers that all these tries may look at."""


@dataclass(frozen=True, slots=True)
class Placement:
    """region and offset per buffer; heights: bytes in use per region"""

    region: tuple[int, ...]
    offset: tuple[int, ...]
    heights: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.heights)


def place(items: Sequence[Buffer], regions: Sequence[Region], limit: int | None = None) -> Placement | None:
    """A placement of all buffers, or None where none was found. limit: as `pack` has it."""
    sizes = [r.size for r in regions]
    if not sizes:
        return None
    first = _alone(items, sizes, 0, limit)
    if first is not None:
        return first
    split = next((p for p in (_fill(items, *way) for way in _splits(items, sizes)) if p is not None), None)
    if split is not None and split.total == lower_bound(items):
        return split
    rest = [split, *(_alone(items, sizes, r) for r in range(1, len(sizes))), _fill(items, sizes, {})]
    return min((p for p in rest if p is not None), key=lambda p: p.total, default=None)


def _alone(items: Sequence[Buffer], sizes: Sequence[int], region: int, limit: int | None = None) -> Placement | None:
    return _packed(items, [region] * len(items), sizes, limit)


def _packed(
    items: Sequence[Buffer], region: Sequence[int], sizes: Sequence[int], limit: int | None = None
) -> Placement | None:
    """Each region packed as tightly as possible, or None where one overflows."""
    offsets = [0] * len(items)
    heights = [0] * len(sizes)
    for r, size in enumerate(sizes):
        mine = [i for i, where in enumerate(region) if where == r]
        if max(live_bytes(tuple(items[i] for i in mine)).values(), default=0) > size:
            return None
        packing = pack([items[i] for i in mine], limit=limit)
        heights[r] = packing.height
        if packing.height > size:
            return None
        for i, offset in zip(mine, packing.offsets, strict=True):
            offsets[i] = offset
    return Placement(tuple(region), tuple(offsets), tuple(heights))


def _splits(items: Sequence[Buffer], sizes: Sequence[int]) -> Iterator[tuple[list[int], dict[int, int]]]:
    """Capacities that add up to the lower bound, and the regions of the peak's buffers that they stand for."""
    loads = live_bytes(tuple(items))
    peak = max(loads, key=lambda t: loads[t])
    at_peak = [i for i, b in enumerate(items) if b.first <= peak <= b.last]
    tried = islice(product(range(len(sizes)), repeat=len(at_peak)), SPLITS * len(sizes))
    ways = sorted(tried, key=lambda way: sum(items[i].traffic * r for i, r in zip(at_peak, way, strict=True)))
    for way in ways[: min(SPLITS, max(WORK // len(items) ** 2, 4))]:
        caps = [0] * len(sizes)
        for i, r in zip(at_peak, way, strict=True):
            caps[r] += items[i].size
        if all(cap <= size for cap, size in zip(caps, sizes, strict=True)):
            yield caps, dict(zip(at_peak, way, strict=True))


def _fill(items: Sequence[Buffer], caps: Sequence[int], pinned: dict[int, int]) -> Placement | None:
    """Buffers in order of traffic, or of size, each into the first region that has room."""
    everything = range(len(items))
    for order in (
        sorted(everything, key=lambda i: (i not in pinned, -items[i].traffic, i)),
        sorted(everything, key=lambda i: (i not in pinned, -items[i].traffic / items[i].size, i)),
        sorted(everything, key=lambda i: (i not in pinned, -items[i].size, i)),
    ):
        region = _assign(items, order, caps, pinned)
        if region is not None:
            return _packed(items, region, caps)
    return None


def _assign(
    items: Sequence[Buffer], order: Sequence[int], caps: Sequence[int], pinned: dict[int, int]
) -> list[int] | None:
    clearance = clearances(items)
    shelves = [Shelf(cap, clearance) for cap in caps]
    region = [-1] * len(items)
    for i in order:
        choices = (pinned[i],) if i in pinned else range(len(caps))
        region[i] = next((r for r in choices if shelves[r].add(i, items[i].size) is not None), -1)
        if region[i] < 0:
            return None
    return region
