"""The search for streams with tiles: which operators run together, in tiles of which size, in which stream.

Labels move over the points between operators from the first to the last (label setting): closed ones between two
segments, open ones within a stream. The packer has the last word on each survivor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from .labels import ROOM, Offers, Open, Streams, Woven, begun, best, ends, joined, thinned
from .options import LONGEST, Option, Options
from .segments import Piece, Segments

UNLIMITED = 1 << 60

KNOTTED = 6
"""Operators of a stream that are no chain: they are measured instead of estimated."""

SLACK = 6
"""By one part in so many, an estimate may be too high."""

LABELS = 60
"""Closed labels kept per point."""

STREAMS = (20, 30)
"""Open labels kept per point and begin of a stream. More of them lead to other choices, not always to better ones once
they are packed: within a limit both are searched."""

WORKED_OUT = 1500
"""Streams whose needs are worked out at all points of one search."""

WIDE = 24
"""Choices that are left of a search without a limit."""


def weave(segments: Segments, limit: int = UNLIMITED, closely: bool = False) -> tuple[Woven, ...]:
    """Choices that no other one of the same search beats in both peak and cost, the cheapest first.

    limit   bytes that no segment may need; estimates may be SLACK above it
    closely what streams with such estimates need is worked out: more that can just fit are found, in more time, and
            many of those turn out not to fit
    """
    if limit == UNLIMITED:
        return tuple(thinned(list(_Search(segments, limit, closely, STREAMS[0]).run()), WIDE))
    found = {w.pieces: w for kept in STREAMS for w in _Search(segments, limit, closely, kept).run()}
    return tuple(sorted(found.values(), key=lambda w: (w.cost, w.peak)))


class _Search:
    """One search; kept: as STREAMS has them."""

    def __init__(self, segments: Segments, limit: int, closely: bool, kept: int) -> None:
        self._segments, self._options, self._count = segments, segments.options, segments.count
        self._limit, self._closely, self._kept = limit, closely, kept
        self._about = limit + limit // SLACK
        self._arrived: list[list[tuple[Open, Sequence[Woven], Streams | None]]] = [[] for _ in range(self._count + 1)]
        """Streams up to each point, the choices that they begin behind, and the streams that they go on with."""
        self._offered: list[Option] = []

    def run(self) -> Sequence[Woven]:
        count = self._count
        closed: list[list[Woven]] = [[Woven(0, 0, ())], *([] for _ in range(count))]
        for point in range(count + 1):
            streams = self._followed(point)
            bound = self._bound() if self._closely else None
            ended = [] if streams is None else ends(self._segments, streams, point, bound, self._limit)
            closed[point] = _best([*closed[point], *ended], self._limit if self._closely else self._about)
            for after in range(point + 1, min(point + KNOTTED, count) + 1):
                closed[after] += _measured(self._segments, self._options, closed[point], point, after)
            for after in range(point + 1, min(point + LONGEST, count) + 1):
                self._extend(closed[point], streams, point, after)
        return closed[count]

    def _bound(self) -> Callable[[Piece], int]:
        """Works out what streams that end at one point need, as many as fall to it; of further ones, no limit."""
        left = WORKED_OUT // max(self._count, 1)

        def bound(members: Piece) -> int:
            nonlocal left
            left -= 1
            return self._segments.bound(members) if left >= 0 else UNLIMITED

        return bound

    def _extend(self, closed: Sequence[Woven], streams: Streams | None, first: int, after: int) -> None:
        """Streams that begin with a chain of operators, and such that go on with it."""
        chain = self._options.chain(first, after)
        if chain is None:
            return
        offered: Sequence[Option] = self._options.of(first, after)
        if chain[1] in self._segments.pushed:
            offered = [option for option in offered if option.written == 1]  # rows leave one by one
        if not offered:
            return
        tensor, stays = self._options.graph.tensors[chain[0]], self._options.stays(chain[0], after)
        arrives = chain[0] in self._segments.pulled
        offers, row = Offers(offered, len(self._offered)), tensor.bytes // tensor.hwc[0]
        self._offered += offered
        if streams is not None and not stays:
            found = offers.after(streams.figures, row, None, self._closely)
            self._arrived[after].append((self._near(found), (), streams))
        fresh = begun(closed, self._options, chain[0], first, after, arrives)
        if fresh is not None:
            window = 0 if stays or arrives or tensor.id in self._segments.graph.outside else row
            found = offers.after(fresh, row if arrives else 0, window, self._closely)
            self._arrived[after].append((self._near(found), closed, None))

    def _near(self, streams: Open) -> Open:
        return streams.only(np.flatnonzero(streams.bytes <= self._about))

    def _followed(self, point: int) -> Streams | None:
        """The best of the streams that arrived at a point."""
        arrived = [a for a in self._arrived[point] if len(a[0])]
        if not arrived:
            return None
        sources = [replace(figures, source=np.full(len(figures), n)) for n, (figures, _, _) in enumerate(arrived)]
        figures = best(joined(sources), self._kept)
        before: list[Woven] = []
        members: list[Piece] = []
        for source, parent, option in np.stack((figures.source, figures.parent, figures.option), axis=1).tolist():
            _, closed, streams = arrived[source]
            before.append(closed[parent] if streams is None else streams.before[parent])
            had = () if streams is None else streams.members[parent]
            members.append((*had, *self._offered[option].members))
        return Streams(figures, before, members)


def _measured(segments: Segments, options: Options, closed: Sequence[Woven], first: int, after: int) -> Iterator[Woven]:
    """Choices with one more segment: a layer, or a stream of operators that are no chain."""
    several = after > first + 1
    if not closed or (several and (options.chain(first, after) or not segments.possible(first, after))):
        return
    need = segments.need(first, after)
    ways = [] if need is None else [(segments.piece(first, after), need)]
    over = None if several else segments.over(first)
    if over is not None and (need is None or over[1].slots < need.slots):
        ways.append(over)
    for piece, found in ways:
        cost = found.cost + found.slots * (after - first) // ROOM
        for w in closed:
            yield Woven(max(w.peak, found.slots), w.cost + cost, (*w.pieces, piece))


def _best(labels: Iterable[Woven], limit: int) -> list[Woven]:
    """Those that no other beats, the cheapest first; of too many, evenly spread ones."""
    kept: list[Woven] = []
    for label in sorted((w for w in labels if w.peak <= limit), key=lambda w: (w.cost, w.peak)):
        if not kept or label.peak < kept[-1].peak:
            kept.append(label)
    return thinned(kept, LABELS)
