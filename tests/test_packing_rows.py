"""Buffers whose rows live one by one: what may overlap, what rows apart reach, and that nothing that lives is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import plans, streamed

from benchmarks.memory_zoo import ZOO
from edgekit_codegen import passes
from edgekit_codegen.memory.buffer import Buffer, Spans, lower_bound, spans_of
from edgekit_codegen.memory.clearance import APART, clearances
from edgekit_codegen.memory.climb import climb
from edgekit_codegen.memory.pack import pack
from edgekit_codegen.memory.planner import make_plan
from edgekit_codegen.memory.problem import Packing, Problem
from edgekit_codegen.memory.search import search
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule.front import fastest
from edgekit_codegen.target import Region, Target


def rows(pitch: int, slots: int, first: Sequence[int], last: Sequence[int]) -> Buffer:
    """A ring of rows; whole where there is one life."""
    begin, born, dies = np.arange(len(first)) % slots * pitch, np.array(first), np.array(last)
    spans = Spans(begin, begin + pitch, born, dies) if len(first) > 1 else None
    size = pitch * min(slots, len(first))
    return Buffer((), None, size, int(born.min()), int(dies.max()), 0, slots=slots, spans=spans)


@st.composite
def rings(draw: st.DrawFn) -> Buffer:
    """Rows at an even pace, none of which lives longer than until its slot's next one, downwards or upwards."""
    pitch, slots, count = 4 * draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 6))
    begin, pace = draw(st.integers(0, 6)), draw(st.integers(1, 3))
    first = [begin + pace * y for y in range(count)]
    last = [born + draw(st.integers(0, slots * pace - 1)) for born in first]
    turn = -1 if draw(st.booleans()) and slots >= count else 1
    return rows(pitch, slots, first[::turn], last[::turn])


buffers = st.lists(rings(), min_size=1, max_size=8)


def meeting(a: Buffer, b: Buffer) -> list[tuple[int, int, int, int]]:
    """The bytes of each row of a and of each row of b that live at the same time."""
    p, q = (list(zip(s.begin, s.end, s.first, s.last, strict=True)) for s in (spans_of(a), spans_of(b)))
    return [(r[0], r[1], s[0], s[1]) for r in p for s in q if r[2] <= s[3] and s[2] <= r[3]]


def check(items: Sequence[Buffer], packing: Packing) -> None:
    """No two rows that live at the same time share a byte."""
    for i, a in enumerate(items):
        for j, b in enumerate(items[:i]):
            x, y = packing.offsets[i], packing.offsets[j]
            for begin, end, other, after in meeting(a, b):
                assert x + end <= y + other or y + after <= x + begin, (a, x, b, y)
    assert min(packing.offsets) >= 0
    assert packing.height == max(o + b.size for o, b in zip(packing.offsets, items, strict=True))


@given(buffers)
@settings(max_examples=150, deadline=None)
def test_clearances_are_those_of_the_rows_that_meet(items: list[Buffer]) -> None:
    found = clearances(items)
    for i, a in enumerate(items):
        for j, b in enumerate(items):
            above = [end - other for _, end, other, _ in meeting(a, b)] if i != j else []
            assert found[i, j] == (max(above) if above else APART)


@given(buffers)
@settings(max_examples=30, deadline=None)
def test_no_packer_lets_rows_that_live_overlap(items: list[Buffer]) -> None:
    problem = Problem(items)
    fits = (problem.completed(problem.first_fit(order)) for order in problem.orders())
    greedy = min(fits, key=lambda found: found.height)
    _, climbed = climb([problem], 5_000)
    searched = search(problem, greedy, 200)
    for packing in (greedy, climbed, searched, pack(items)):
        check(items, packing)
        assert lower_bound(items) <= packing.height <= greedy.height
    assert pack(items) == pack(items)


def test_buffers_beside_which_there_is_always_room_wait_for_the_others() -> None:
    """Three that meet at the peak, and small ones in between: those do not make the packing higher, nor slower."""
    lives = [(0, 4, 400), (4, 8, 300), (3, 9, 200), *((t, t + 1, 20) for t in range(10, 60))]
    problem = Problem([Buffer((), None, size, first, last, 0) for first, last, size in lives])
    assert set(problem.tight) <= {0, 1, 2} and len(problem.easy) >= 50
    assert climb([problem], 100)[1].height == problem.lower_bound == 900


def test_the_best_of_several_problems_is_named() -> None:
    """Two rows need one place where they never live together, two where they do."""
    whole = [rows(8, 1, [0], [9]), rows(8, 1, [0], [9])]
    apart = [rows(8, 1, [0], [4]), rows(8, 1, [5], [9])]
    assert climb([Problem(whole), Problem(apart)], 1000)[0] == 1
    assert climb([Problem(apart), Problem(whole)], 1000) == (0, Packing((0, 0), 8))


def test_what_sticks_out_is_moved_until_nothing_does() -> None:
    """Orders of first fit alone leave a gap that their improvement closes."""
    lives = [(0, 2, 12), (1, 4, 8), (3, 6, 16), (0, 5, 4), (5, 8, 12), (7, 9, 20), (6, 9, 4), (2, 2, 4), (0, 0, 12)]
    items = [Buffer((), None, size, first, last, 0) for first, last, size in lives]
    problem = Problem(items)
    assert climb([problem], 20_000)[1].height == problem.lower_bound


@pytest.mark.parametrize("name", ["dilated", "keyword", "resnet"])
def test_rows_that_lie_apart_come_nearer_to_what_lives(name: str) -> None:
    """A plan that no ring of neighbouring rows reaches, whose every byte the checker finds where it was written."""
    graph = passes.optimize(ZOO[name]()).graph
    limit = {"dilated": 9_000, "keyword": 3_640, "resnet": 12_800}[name]
    plan = fastest(graph, plans.HOST, limit)
    validate(graph, plan, plans.HOST)
    assert plan.lower_bound_bytes <= plan.arena_bytes <= limit
    assert any(not held.contiguous for held in plan.storages)
    for ident in (*graph.inputs, *graph.outputs):
        assert plan.storage(ident).contiguous
    assert make_plan(graph, plan.schedule, plans.HOST) == plan


def test_a_packer_of_ones_own_has_the_last_word() -> None:
    """It sees the plan's packing, and what it returns is what the plan says."""
    graph = passes.optimize(ZOO["siamese"]()).graph
    plan = fastest(graph, plans.HOST)
    seen: list[Packing] = []

    def shifted(problem: Problem, packing: Packing) -> Packing:
        seen.append(packing)
        return Packing(tuple(offset + 4 for offset in packing.offsets), packing.height + 4)

    again = make_plan(graph, plan.schedule, plans.HOST, shifted)
    validate(graph, again, plans.HOST)
    assert [packing.height for packing in seen] == [plan.arena_bytes]
    assert again.arena_bytes == plan.arena_bytes + 4


def test_rows_that_lie_apart_stay_inside_the_first_region() -> None:
    """What takes less in one region than in two may still be more than the first region has."""
    made = streamed.HAND_MADE["tiles"]()
    plan = made.plan()
    for size in range(plan.arena_bytes - 448, plan.arena_bytes + 64, 64):
        target = Target("two", (Region("small", size), Region("large", 1 << 16)))
        found = make_plan(made.graph, plan.schedule, target)
        validate(made.graph, found, target)
        assert found.regions[0].used <= size
