"""The exact packer finds what exhaustive search finds, fills rectangles without a gap, and counts its work in nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_codegen.memory.buffer import Buffer, Spans, lower_bound
from edgekit_codegen.memory.exact import Answer, exact, fits
from edgekit_codegen.memory.pack import Packing, pack


def buffer(first: int, last: int, size: int) -> Buffer:
    return Buffer((), None, size, first, last, 0)


def check(items: Sequence[Buffer], packing: Packing) -> None:
    """No two buffers that live together share a byte."""
    for i, a in enumerate(items):
        for j, b in enumerate(items[:i]):
            if a.first <= b.last and b.first <= a.last:
                x, y = packing.offsets[i], packing.offsets[j]
                assert x + a.size <= y or y + b.size <= x, (a, x, b, y)
    assert min(packing.offsets) >= 0
    assert packing.height == max(o + b.size for o, b in zip(packing.offsets, items, strict=True))


def stacked(items: Sequence[Buffer]) -> Packing:
    """One above the other: valid, and as bad as can be."""
    offsets = np.cumsum([0, *(b.size for b in items)]).tolist()
    return Packing(tuple(offsets[:-1]), offsets[-1])


def exhaustive(items: Sequence[Buffer]) -> int:
    """The least height: some order of first fit has it."""

    def height(order: Sequence[Buffer]) -> int:
        placed: list[tuple[Buffer, int]] = []
        for item in order:
            beside = [(o, o + b.size) for b, o in placed if item.first <= b.last and b.first <= item.last]
            starts = sorted({0, *(end for _, end in beside)})
            free = (s for s in starts if all(s + item.size <= begin or end <= s for begin, end in beside))
            placed.append((item, next(free)))
        return max(o + b.size for b, o in placed)

    return min(map(height, permutations(items)))


def cut(seed: int, pieces: int, times: int = 64, height: int = 4096) -> list[Buffer]:
    """A rectangle of time and bytes, cut again and again; packed without a gap it is `height` bytes high."""
    random, areas = Random(seed), [(0, times, height)]
    while len(areas) < pieces:
        first, after, size = areas.pop(max(range(len(areas)), key=lambda i: (areas[i][1] - areas[i][0]) * areas[i][2]))
        if random.random() < 0.5 and after - first > 1:
            at = random.randrange(first + 1, after)
            areas += [(first, at, size), (at, after, size)]
        else:
            at = random.randrange(1, size // 4) * 4
            areas += [(first, after, at), (first, after, size - at)]
    random.shuffle(areas)
    return [buffer(first, after - 1, size) for first, after, size in areas]


lives = st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(1, 9))


@given(st.lists(lives, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_small_problems_are_solved_as_by_exhaustive_search(chosen: list[tuple[int, int, int]]) -> None:
    items = [buffer(first, first + length, 4 * size) for first, length, size in chosen]
    result = exact(items, stacked(items))
    check(items, result.packing)
    assert result.optimal
    assert result.packing.height == exhaustive(items)


def test_a_gap_that_must_be_is_proven() -> None:
    """Never more than 28 bytes live, and always some 28, but 28 are not enough."""
    early = [(0, 0, 4), (0, 0, 12), (0, 3, 12), (1, 1, 16), (2, 2, 4), (2, 2, 12)]
    late = [(3, 4, 12), (3, 5, 4), (4, 4, 4), (4, 5, 4), (4, 6, 4), (5, 6, 16), (6, 6, 8)]
    items = [buffer(*life) for life in (*early, *late)]
    assert lower_bound(items) == 28
    assert fits(items, 28)[0] is Answer.NO
    result = exact(items, stacked(items))
    check(items, result.packing)
    assert result.optimal
    assert result.packing.height == 32


def test_a_hole_that_must_be_is_found() -> None:
    """Ten buffers fit into the 84 bytes that live at a time, but not if every one of them lies as low as it can."""
    early = [(0, 0, 4), (0, 2, 4), (2, 3, 20), (2, 4, 24), (2, 5, 16)]
    late = [(3, 3, 12), (3, 4, 12), (5, 5, 16), (6, 7, 20), (7, 7, 24)]
    items = [buffer(*life) for life in (*early, *late)]
    answer, packing, _ = fits(items, 84)
    assert answer is Answer.YES and packing is not None
    check(items, packing)
    assert packing.height <= 84


def test_what_was_not_found_is_not_proven() -> None:
    items = cut(8, 120)
    _, start, _ = fits(items, 4096)
    assert start is not None
    higher = Packing(tuple(o + 4 for o in start.offsets), start.height + 4)
    result = exact(items, higher, budget=1)
    assert result.packing == higher
    assert not result.optimal


@pytest.mark.parametrize("seed", range(6))
def test_rectangles_are_filled_without_a_gap(seed: int) -> None:
    items = cut(seed, 60)
    result = exact(items, pack(items))
    check(items, result.packing)
    assert result.optimal
    assert result.packing.height == lower_bound(items) == 4096


def test_what_cannot_fit_is_never_said_to() -> None:
    items = cut(7, 40)
    answer, packing, _ = fits(items, 4092, budget=500)
    assert answer is Answer.NO
    assert packing is None


def test_the_budget_is_kept_and_the_start_is_never_made_worse() -> None:
    items = cut(8, 120)
    start = pack(items, budget=0)
    for budget in (1, 7, 300):
        result = exact(items, start, budget)
        check(items, result.packing)
        assert result.nodes <= budget
        assert result.packing.height <= start.height


def test_the_same_buffers_get_the_same_addresses() -> None:
    items = cut(9, 80)
    assert exact(items, pack(items)) == exact(items, pack(items))


def test_nothing_is_packed_at_once() -> None:
    assert fits((), 0) == (Answer.YES, Packing((), 0), 0)
    assert exact((), Packing((), 0)).optimal


def test_rows_that_live_one_by_one_are_refused() -> None:
    ones = np.array([0]), np.array([4]), np.array([0]), np.array([0])
    with pytest.raises(ValueError, match="as a whole"):
        fits([replace(buffer(0, 1, 4), spans=Spans(*ones))], 4)
