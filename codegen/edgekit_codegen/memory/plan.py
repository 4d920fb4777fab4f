"""Where every byte of an inference lives: the planner's result and the emitter's input."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.region import Box
from ..ir.types import TensorId
from ..schedule.types import Affine, Schedule

NOWHERE_ELSE = Affine(0)

OUTSIDE = "input"
"""The name of the region, behind the target's own, in which inputs lie that are in the caller's memory
(Graph.outside)."""

OUTSIDE_ALIGN = 8
"""Bytes that the base of that region is aligned to: kernels read words, and every allocator gives as much."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Where `rows` rows lie one after the other before they move into their ring: row y is number y mod rows."""

    region: int
    offset: int
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Strip:
    """Where a tile's new rows lie, behind the lines that hold older ones: rows y .. y + rows - 1, of each the pixels
    x .. x + pixels - 1, in the loops around; these may lie outside the tensor."""

    region: int
    offset: int
    rows: int
    pixels: int
    y: Affine
    x: Affine


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes for (a box of) one tensor.

    tensor   the tensor; those of tensors that are parts of each other overlap
    box      which part of the tensor is held: the whole for plain tensors, the pixels of a tile otherwise
    slots    row y lives in slot y mod slots; slots == rows for a plain tensor, fewer for a ring
    pitch    bytes from one row to the next; a row never wraps
    region   index into the plan's regions
    offsets  byte offset in the region of each slot; evenly spaced by `pitch` for a plain tensor
    first    by how many pixels the box lies farther to the right, in the loops around: tiles move over their tensor
    fresh    where the rows are that were written last, which are not in their slots until a Copy moves them there; None
             where rows are written to their slots
    strip    where the rows of the turn in progress are, of which only the pixels that leave it move to their slots;
             None where rows are not computed in tiles, or none of them is kept for the next turn
    """

    tensor: TensorId
    box: Box
    slots: int
    pitch: int
    region: int
    offsets: tuple[int, ...]
    first: Affine = NOWHERE_ELSE
    fresh: Fresh | None = None
    strip: Strip | None = None

    @property
    def split(self) -> bool:
        """Whether the newest rows lie somewhere else."""
        return self.fresh is not None or self.strip is not None

    @property
    def contiguous(self) -> bool:
        return all(o == self.offsets[0] + i * self.pitch for i, o in enumerate(self.offsets))


@dataclass(frozen=True, slots=True)
class Scratch:
    """Working memory of one operator's kernel, live only while that operator runs."""

    op: int
    region: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class RegionUse:
    """Bytes of one target region that the plan occupies (its high-water mark) and the alignment its base needs."""

    name: str
    used: int
    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule with an address for every buffer.

    regions            the target's, and OUTSIDE where inputs lie there
    arena_bytes        sum over the target's regions of the bytes used: inputs, outputs, intermediates and scratch
    lower_bound_bytes  the largest live set over the schedule's steps: no plan of this schedule needs less
    """

    schedule: Schedule
    storages: tuple[Storage, ...]
    scratch: tuple[Scratch, ...]
    regions: tuple[RegionUse, ...]
    arena_bytes: int
    lower_bound_bytes: int

    def storage(self, tensor: TensorId) -> Storage:
        return next(s for s in self.storages if s.tensor == tensor)

    @property
    def gap(self) -> float:
        """How far the plan lies above its lower bound, as a fraction; 0.0 is proven optimal for the schedule."""
        return self.arena_bytes / self.lower_bound_bytes - 1.0 if self.lower_bound_bytes else 0.0
