"""The order of accesses of two rows at once, before they are held against a plan."""

from __future__ import annotations

import numpy as np
from support.arena_seams import row_by_row

from edgekit.emulate.trace import Step

IN, OUT, SPARE = (0, 8), (16, 24), 40  # where rows 0 and 1 begin, of 8 bytes each


def moved(accesses: list[tuple[int, bool]], out: tuple[int, int] = OUT) -> tuple[list[int], list[int]]:
    """The positions in their new order, and the stores that are refused. accesses: positions, and whether they store"""
    first = np.array([at for at, _ in accesses], np.int64)
    step = Step(
        "mark",
        0,
        np.zeros(len(first), np.uint32),
        first.astype(np.uint32),
        np.full(len(first), 4, np.int8),
        np.array([write for _, write in accesses]),
    )
    read, written = ([np.arange(at, at + 8) for at in rows] for rows in (IN, out))
    refused: list[int] = []
    found = row_by_row(step, first, read, written, lambda access, _: refused.append(access))
    return found.address.tolist(), refused


def test_what_comes_ahead_for_the_second_row_follows_the_first_row() -> None:
    ahead = [(4, False), (8, False), (SPARE, True), (SPARE, False), (20, True), (24, True), (12, False), (28, True)]
    assert moved(ahead) == ([4, SPARE, SPARE, 20, 8, 24, 12, 28], [])


def test_rows_in_order_stay_as_they_are() -> None:
    plain = [(0, False), (SPARE, True), (16, True), (4, False), (20, True), (8, False), (24, True)]
    assert moved(plain) == ([at for at, _ in plain], [])


def test_a_store_ahead_may_not_meet_what_the_first_row_still_loads() -> None:
    """The second row's output lies where the first row's input is."""
    before, after = [(4, False), (8, False), (0, True), (20, True)], [(8, False), (0, True), (0, False), (20, True)]
    assert moved(before, (16, 0))[1] == []
    assert moved(after, (16, 0))[1] == [1]
