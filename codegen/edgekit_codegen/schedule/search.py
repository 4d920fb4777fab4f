"""The search for schedules: where to cut the graph into segments.

Labels move over the cut points from the first operator to the last (label setting, as in shortest paths with two
criteria): a label is a choice of segments up to a cut with its peak and its cost, and one that another label beats in
both is dropped. Peaks are those of single segments; the packer has the last word on each survivor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .segments import Need, Segments

LABELS = 24
"""Labels kept per cut point."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to cut.

    peak  bytes that the busiest segment needs
    cost  instructions beyond those of layer by layer
    cuts  the operator behind each segment, as a number among those that run
    """

    peak: int
    cost: int
    cuts: tuple[int, ...]


def choices(segments: Segments) -> tuple[Choice, ...]:
    """Choices that no other one beats in both peak and cost, counted by living rows or by slots; the cheapest first."""
    by_rows, by_slots = _all(segments, lambda need: need.rows), _all(segments, lambda need: need.slots)
    merged = {choice.cuts: choice for choice in (*by_slots, *by_rows)}
    return tuple(sorted(merged.values(), key=lambda c: (c.cost, c.peak, c.cuts)))


def _all(segments: Segments, peak: Callable[[Need], int]) -> Sequence[Choice]:
    """Every choice worth having by one measure of the peak.

    A stream pays only where one of its operators alone would need more than the best peak there is. That peak is not
    known before, so a guess stands in for it, and a smaller one where the search comes out below.
    """
    alone = [segments.need(n, n + 1) for n in range(segments.count)]
    peaks = [None if need is None else peak(need) for need in alone]
    guess = max((p for p in peaks if p is not None), default=0) // 4
    while True:
        busy = [p is None or p > guess for p in peaks]
        found = _labels(segments, peak, busy)
        if not found or guess <= min(choice.peak for choice in found) or guess == 0:
            return found
        guess //= 2


def _labels(segments: Segments, peak: Callable[[Need], int], busy: Sequence[bool]) -> Sequence[Choice]:
    """Label setting. busy: the operators of which a stream has at least one."""
    labels: list[list[Choice]] = [[Choice(0, 0, ())], *([] for _ in range(segments.count))]
    for first in range(segments.count):
        for after in segments.ends(first) if labels[first] else ():
            if after > first + 1 and not any(busy[first:after]):
                continue
            need = segments.need(first, after)
            if need is not None:
                there = (Choice(max(c.peak, peak(need)), c.cost + need.cost, (*c.cuts, after)) for c in labels[first])
                labels[after] = _best((*labels[after], *there))
    return labels[-1]


def _best(labels: Iterable[Choice]) -> list[Choice]:
    """Those that no other beats, the cheapest first; of too many, the cheapest and those with the lowest peaks."""
    kept: list[Choice] = []
    for choice in sorted(labels, key=lambda c: (c.cost, c.peak, c.cuts)):
        if not kept or choice.peak < kept[-1].peak:
            kept.append(choice)
    return kept[:1] + kept[max(1, len(kept) - LABELS + 1) :]
