"""Labels of the search: choices up to a point between operators, closed ones and streams in the making.

Streams are many: their figures are arrays, a number for each of them. Bytes are estimates: rings add up, what tiles
take does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeVar

import numpy as np

from ..ir.types import TensorId
from .options import Option, Options
from .reach import Index
from .segments import Piece, Segments

T = TypeVar("T")

ROOM = 4
"""Bytes that an operator's segment needs, for which an instruction is a fair price: of choices that are about as fast,
those that leave more room are easier to pack."""


@dataclass(frozen=True, slots=True)
class Woven:
    """A choice up to a point.

    peak    bytes that the busiest segment so far needs
    cost    instructions beyond those of layer by layer, and what ROOM is worth
    pieces  the segments
    """

    peak: int
    cost: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """Streams in the making up to a point: arrays with a number for each.

    held    bytes of the tensor that it began with, where it is resident, and of what lies beside
    fixed   and of them, what stays
    window  bytes of that tensor's rows which a turn reads
    kept    bytes of rings and sums
    taken   the most that a turn of a member takes
    turn    what a turn of the last one takes, without the rows that it writes
    total   cost of its members, and of the choice up to its begin
    rows    that the last member computes at a time
    peak    of the choice up to its begin
    parent  which choice or stream it was before its last option, and `option` which that was
    source  of which ones
    """

    held: Index
    fixed: Index
    window: Index
    kept: Index
    taken: Index
    turn: Index
    total: Index
    rows: Index
    peak: Index
    parent: Index
    option: Index
    source: Index

    @property
    def bytes(self) -> Index:
        return self.held + self.kept + np.maximum(self.taken, self.turn)

    def __len__(self) -> int:
        return len(self.held)

    def only(self, some: Index | Sequence[int]) -> Open:
        return Open(*(getattr(self, field.name)[some] for field in fields(self)))


def joined(streams: Sequence[Open]) -> Open:
    return Open(*(np.concatenate([getattr(s, field.name) for s in streams]) for field in fields(Open)))


def begun(
    closed: Sequence[Woven], options: Options, entering: TensorId, first: int, after: int, arrives: bool
) -> Open | None:
    """Streams without members yet, one for each choice; None where rows that arrive would be needed behind the
    operators number `first` .. `after` - 1, or arrived before them."""
    size, stays = options.held(entering), options.stays(entering, after)
    if not closed or (arrives and (stays or first)):
        return None
    beside, n = options.beside(first, after), np.arange(len(closed))
    held, fixed = beside + (0 if arrives else size), beside + (size if stays else 0)
    none = np.zeros_like(n)
    cost, peak = (np.array([getattr(w, name) for w in closed], np.int64) for name in ("cost", "peak"))
    return Open(none + held, none + fixed, none, none, none, none, cost, none + 1, peak, none, none, none)


class Offers:
    """The options of some operators as arrays, numbered from `number` on."""

    def __init__(self, options: Sequence[Option], number: int) -> None:
        self._rows, self._step, self._first, self._kept, self._taken, self._work, self._written = (
            np.array([[getattr(o, name)] for o in options], np.int64)
            for name in ("rows", "step", "first", "kept", "taken", "work", "written")
        )
        self._number = number + np.arange(len(options))[:, np.newaxis]

    def after(self, streams: Open, row: int, window: int | None, closely: bool) -> Open:
        """Every stream with every option.

        row      bytes of a row of the tensor between, 0 where all of it is there
        window   and of a row of it that a turn reads, where streams begin with it
        closely  the rows that were written last lie beside a ring only until the turn that waits for them; that they do
                 in the turn that writes them too counts, as the packer often finds room for them in rings
        """
        written = streams.rows
        fresh = np.where(self._rows > 0, row * written, 0)
        ring = row * self._slots(written)
        columns = (
            streams.held,
            streams.fixed,
            streams.window if window is None else window * self._rows,
            streams.kept + ring + self._kept,
            np.maximum(streams.taken, streams.turn + (fresh if closely else 0)),
            self._taken + fresh,
            streams.total + self._work,
            self._written,
            streams.peak,
            np.arange(len(streams)),
            self._number,
            streams.source,
        )
        return Open(*(column.ravel() for column in np.broadcast_arrays(*columns)))

    def _slots(self, written: Index) -> Index:
        """Rows of a ring behind those that its writer's turns add, `written` at a time. A turn that needs rows from the
        midst of those waits for all of them; where the two advance in different steps, as long as it may ever have
        to."""
        shared = np.gcd(written, self._step)
        end = -(-(self._first + self._rows) // shared) * shared
        waiting: Index = end - self._first + written - 2 * shared
        return np.where(self._rows > 0, waiting, np.maximum(written - 1, 0))


class Streams(NamedTuple):
    """The streams that are followed from a point: their figures, the choices before them and their members."""

    figures: Open
    before: Sequence[Woven]
    members: Sequence[Piece]


def ends(
    segments: Segments, streams: Streams, point: int, bound: Callable[[Piece], int] | None, limit: int
) -> list[Woven]:
    """Streams that end at a point. At the begin all of what enters is there, and the rows that the first turn writes;
    at the end all of what leaves, unless it is pushed, and the rows that the last turn reads. bound: works out what
    seems to be more than `limit`."""
    figures = streams.figures
    leaving = segments.options.leaving(point)
    written = leaving.bytes // leaving.hwc[0] * figures.rows
    first = figures.held + written
    last = figures.fixed + (written if leaving.id in segments.pushed else leaving.bytes) + figures.window
    peaks = np.maximum(first, last) + figures.kept + np.maximum(figures.taken, figures.turn)
    found = []
    for peak, total, before, members in zip(
        peaks.tolist(), figures.total.tolist(), streams.before, streams.members, strict=True
    ):
        if bound is not None and peak > limit:
            peak = bound(members)
        cost = total + peak * sum(len(m.ops) for m in members) // ROOM
        found.append(Woven(max(before.peak, peak), cost, (*before.pieces, members)))
    return found


def best(streams: Open, most: int) -> Open:
    """Of the streams with one begin, those that no other beats in cost and bytes, or in cost and bytes that stay; of
    more than `most`, some of all kinds."""
    found: list[int] = []
    for held, fixed in dict.fromkeys(zip(streams.held.tolist(), streams.fixed.tolist(), strict=True)):
        alike = np.flatnonzero((streams.held == held) & (streams.fixed == fixed))
        group = streams.only(alike)
        by_bytes = _front(group.total, np.maximum(group.peak, group.bytes))
        by_kept = _front(group.total, group.held + group.kept)
        kept = dict.fromkeys((*thinned(by_bytes, most), *thinned(by_kept, most // 2)))
        found += alike[list(kept)].tolist()
    return streams.only(found)


def _front(total: Index, measure: Index) -> list[int]:
    """Those that no cheaper one has less than, the cheapest first."""
    order = np.lexsort((measure, total))
    least = np.minimum.accumulate(measure[order])
    first = np.ones(len(order), bool)
    first[1:] = measure[order][1:] < least[:-1]
    found: list[int] = order[first].tolist()
    return found


def thinned(labels: list[T], most: int) -> list[T]:
    """Evenly spread, with the first and the last."""
    if len(labels) <= most:
        return labels
    return [labels[round(n * (len(labels) - 1) / (most - 1))] for n in range(most)]
