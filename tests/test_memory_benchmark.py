"""docs/memory.md says what the planner does now, and has a row for every goal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.models import model_path

from benchmarks import memory, memory_page
from benchmarks.memory_goals import SUBJECTS, Goal, Subject
from benchmarks.memory_page import Row
from benchmarks.memory_zoo import ZOO
from edgekit import boards, pipeline

ROW = Row("KWS", "resident", Goal(5_500, 1.25), 5_500, 1.25, 1.01, 5_000, 1.5, 30_000, 1.1, "stm32f746g-disco")
QUICK = ("mlperf_tiny_kws", "mlperf_tiny_ic", "mlperf_tiny_vww")


def rows(subject: Subject) -> list[Row]:
    page = memory_page.read_rows(memory_page.PAGE.read_text(encoding="utf-8"))
    return [row for row in page if row.model == subject.title]


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.name in QUICK], ids=lambda s: s.name)
def test_the_page_has_what_the_planner_gives_now(subject: Subject) -> None:
    read = pipeline.read_model(model_path(subject.name), boards.load(subject.board), "int8")
    planner = memory.Planner(read)
    for row in rows(subject):
        planned = planner.within(row.input, row.goal)
        assert row.arena == planned.point.plan.arena_bytes, f"{row.model}, {row.goal}: run `make memory`"
        assert row.mac_factor == round(planned.point.mac_factor, 3)
        assert row.bound == planned.point.plan.lower_bound_bytes


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name)
def test_the_page_has_a_row_for_every_goal(subject: Subject) -> None:
    found = [(row.input, row.goal) for row in rows(subject)]
    if subject.name in ZOO:
        assert [arrives for arrives, _ in found] == ["resident"]
    else:
        assert found == [(taken, goal) for taken, goals in subject.goals.items() for goal in goals]


def test_no_small_architecture_exceeds_layer_by_layer() -> None:
    for subject in SUBJECTS:
        for row in rows(subject) if subject.name in ZOO else ():
            assert row.arena <= row.goal.arena and row.mac_factor == 1.0


def test_rows_read_back() -> None:
    host = Row("IC", "streamed", Goal(13_500), 13_501, 1.0, None, 13_000, 0.3, None, None, "host")
    assert memory_page.read_rows(memory_page.render([ROW, host])) == [ROW, host]


@pytest.mark.parametrize(
    ("arena", "factor", "met"),
    [
        (5_500, 1.25, "yes"),
        (5_500, 1.254, "yes"),
        (5_500, 1.255, "fits, factor misses by 0.8%"),
        (5_501, 1.25, "misses by 0.0%"),
        (6_050, 1.0, "misses by 10.0%"),
        (5_000, 1.50, "fits, factor misses by 20.0%"),
    ],
)
def test_a_goal_is_met_in_bytes_and_in_work(arena: int, factor: float, met: str) -> None:
    assert replace(ROW, arena=arena, mac_factor=factor).met == met
