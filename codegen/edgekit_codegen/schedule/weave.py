"""The search for streams with tiles: which operators run together, in tiles of which size, in which stream.

Labels move over the points between operators from the first to the last (label setting): closed ones between two
segments, open ones within a stream. Bytes of an open stream are estimates: rings add up, what tiles take does not. The
packer has the last word on each survivor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ..ir.types import TensorId
from .options import LONGEST, Option, Options
from .segments import Piece, Segments

T = TypeVar("T")

UNLIMITED = 1 << 60

KNOTTED = 6
"""Operators of a stream that are no chain: they are measured instead of estimated."""

ROOM = 4
"""Bytes that an operator's segment needs, for which an instruction is a fair price: of choices that are about as fast,
those that leave more room are easier to pack."""

SLACK = 6
"""By one part in so many, an estimate may be too high."""

LABELS = 60
"""Closed labels kept per point."""

STREAMS = (20, 30)
"""Open labels kept per point and begin of a stream. More of them lead to other choices, not always to better ones once
they are packed: within a limit both are searched."""

WIDE = 40
"""Choices that are left of a search without a limit."""


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


class _Open(NamedTuple):
    """A stream in the making.

    before  the choice up to its begin
    held    bytes of the tensor that it began with, where it is resident, and of what lies beside
    fixed   and of them, what stays
    window  bytes of that tensor's rows which a turn reads
    kept    bytes of rings and sums
    taken   the most that a turn of a member takes
    turn    what a turn of the last one takes, without the rows that it writes
    cost    of its members
    """

    before: Woven
    held: int
    fixed: int
    window: int
    kept: int
    taken: int
    turn: int
    cost: int
    members: Piece

    @property
    def bytes(self) -> int:
        return self.held + self.kept + max(self.taken, self.turn)

    @property
    def total(self) -> int:
        return self.before.cost + self.cost


def weave(segments: Segments, limit: int = UNLIMITED, closely: bool = False) -> tuple[Woven, ...]:
    """Choices that no other one of the same search beats in both peak and cost, the cheapest first.

    limit   bytes that no segment may need; estimates may be SLACK above it
    closely what streams with such estimates need is worked out: more that can just fit are found, in more time, and
            many of those turn out not to fit
    """
    if limit == UNLIMITED:
        return tuple(_thinned(list(_weave(segments, limit, closely, STREAMS[0])), WIDE))
    found = {w.pieces: w for kept in STREAMS for w in _weave(segments, limit, closely, kept)}
    return tuple(sorted(found.values(), key=lambda w: (w.cost, w.peak)))


def _weave(segments: Segments, limit: int, closely: bool, kept: int) -> Sequence[Woven]:
    """kept: as STREAMS has them."""
    options, count = segments.options, segments.count
    about = limit + limit // SLACK
    closed: list[list[Woven]] = [[Woven(0, 0, ())], *([] for _ in range(count))]
    streams: list[list[_Open]] = [[] for _ in range(count + 1)]
    for point in range(count + 1):
        streams[point] = _best_open([o for o in streams[point] if o.bytes <= about], kept)
        ends = (_close(options, o, segments.bound if closely else None, limit) for o in streams[point])
        closed[point] = _best([*closed[point], *ends], limit if closely else about)
        for after in range(point + 1, min(point + KNOTTED, count) + 1):
            closed[after] += _measured(segments, options, closed[point], point, after)
        for after in range(point + 1, min(point + LONGEST, count) + 1):
            streams[after] += _longer(options, closed[point], streams[point], point, after, segments.pulled, closely)
    return closed[count]


def _measured(segments: Segments, options: Options, closed: Sequence[Woven], first: int, after: int) -> Iterator[Woven]:
    """Choices with one more segment: a layer, or a stream of operators that are no chain."""
    several = after > first + 1
    if not closed or (several and (options.chain(first, after) or not segments.possible(first, after))):
        return
    need = segments.need(first, after)
    if need is not None:
        piece, cost = segments.piece(first, after), need.cost + need.slots * (after - first) // ROOM
        for w in closed:
            yield Woven(max(w.peak, need.slots), w.cost + cost, (*w.pieces, piece))


def _longer(
    options: Options,
    closed: Sequence[Woven],
    streams: Sequence[_Open],
    first: int,
    after: int,
    pulled: Collection[TensorId],
    closely: bool,
) -> Iterator[_Open]:
    """Streams that begin with a chain of operators, and such that go on with it."""
    ends = options.chain(first, after)
    if ends is None:
        return
    tensor, stays, arrives = options.graph.tensors[ends[0]], options.stays(ends[0], after), ends[0] in pulled
    row = tensor.bytes // tensor.hwc[0]
    begun = [o for w in closed if (o := _begin(options, w, ends[0], first, after, arrives)) is not None]
    for option in options.of(first, after):
        for o in streams if not stays else ():
            yield _join(o, option, row, closely)
        for o in begun:
            window = 0 if stays or arrives else row * option.rows
            yield _join(o._replace(window=window), option, row if arrives else 0, closely)


def _begin(options: Options, before: Woven, entering: TensorId, first: int, after: int, arrives: bool) -> _Open | None:
    """A stream without members yet; None where rows that arrive would be needed behind it, or arrived before it."""
    beside, tensor = options.beside(first, after), options.graph.tensors[entering]
    if arrives:
        return None if options.stays(entering, after) or first else _Open(before, beside, beside, 0, 0, 0, 0, 0, ())
    fixed = beside + (tensor.bytes if options.stays(entering, after) else 0)
    return _Open(before, beside + tensor.bytes, fixed, 0, 0, 0, 0, 0, ())


def _join(stream: _Open, option: Option, row: int, closely: bool) -> _Open:
    """row: bytes of a row of the tensor between, 0 where all of it is there. The rows that were written last lie beside
    its ring only until the turn that waits for them; that they do in the turn that writes them too counts where one
    looks closely, as the packer often finds room for them in rings."""
    written = stream.members[-1].rows if stream.members else 1
    fresh = row * written if option.rows else 0
    ring = row * _slots(option, written)
    return _Open(
        stream.before,
        stream.held,
        stream.fixed,
        stream.window,
        stream.kept + ring + option.kept,
        max(stream.taken, stream.turn + (fresh if closely else 0)),
        option.taken + fresh,
        stream.cost + option.work,
        (*stream.members, *option.members),
    )


def _slots(option: Option, written: int) -> int:
    """Rows of a ring behind those that its writer's turns add, `written` at a time. A turn that needs rows from the
    midst of those waits for all of them; where the two advance in different steps, as long as it may ever have to."""
    if not option.rows:
        return max(0, written - 1)
    shared = math.gcd(written, option.step)
    end = -(-(option.first + option.rows) // shared) * shared
    return end - option.first + written - 2 * shared


def _close(options: Options, stream: _Open, bound: Callable[[Piece], int] | None, limit: int) -> Woven:
    """At the begin all of what enters is there, and the rows that the first turn writes; at the end all of what
    leaves, and the rows that the last turn reads. bound: works out what seems to be more than `limit`."""
    last = stream.members[-1]
    leaving = options.graph.result(options.graph.ops[last.last])
    first = stream.held + leaving.bytes // leaving.hwc[0] * last.rows
    peak = max(first, stream.fixed + leaving.bytes + stream.window) + stream.kept + max(stream.taken, stream.turn)
    if bound is not None and peak > limit:
        peak = bound(stream.members)
    before = stream.before
    cost = stream.cost + peak * sum(len(m.ops) for m in stream.members) // ROOM
    return Woven(max(before.peak, peak), before.cost + cost, (*before.pieces, stream.members))


def _best(labels: Iterable[Woven], limit: int) -> list[Woven]:
    """Those that no other beats, the cheapest first; of too many, evenly spread ones."""
    kept: list[Woven] = []
    for label in sorted((w for w in labels if w.peak <= limit), key=lambda w: (w.cost, w.peak)):
        if not kept or label.peak < kept[-1].peak:
            kept.append(label)
    return _thinned(kept, LABELS)


def _best_open(labels: Sequence[_Open], most: int) -> list[_Open]:
    """Of the streams with one begin, those that no other beats in cost and bytes, or in cost and bytes that stay; of
    more than `most`, some of all kinds."""
    found: list[_Open] = []
    for held in dict.fromkeys((o.held, o.fixed) for o in labels):
        alike = [o for o in labels if (o.held, o.fixed) == held]
        by_bytes = _front(alike, lambda o: max(o.before.peak, o.bytes))
        by_kept = _front(alike, lambda o: o.held + o.kept)
        kept = {id(o): o for o in (*_thinned(by_bytes, most), *_thinned(by_kept, most // 2))}
        found += kept.values()
    return found


def _front(labels: Sequence[_Open], measure: Callable[[_Open], int]) -> list[_Open]:
    kept: list[_Open] = []
    least = 1 << 60
    for label in sorted(labels, key=lambda o: (o.total, measure(o))):
        if measure(label) < least:
            least = measure(label)
            kept.append(label)
    return kept


def _thinned(labels: list[T], most: int) -> list[T]:
    """Evenly spread, with the first and the last."""
    if len(labels) <= most:
        return labels
    return [labels[round(n * (len(labels) - 1) / (most - 1))] for n in range(most)]
