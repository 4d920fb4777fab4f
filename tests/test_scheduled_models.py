"""Real models at points of their fronts, on emulated boards: the reference's bytes, in exactly the planned arena."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from support import matrix, plans
from support.models import NAMES
from support.toolchains import require

import edgekit
from edgekit import boards, pipeline, schedule_file
from edgekit_codegen.errors import DoesNotFit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.schedule.front import front
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.types import Schedule

BOARDS = {"cortex-m4": "nucleo-l4r5zi", "cortex-m7": "stm32f746g-disco"}
POINTS = 5
SHOWN = (("cortex-m4", 2), ("cortex-m7", 4))
QUICK = {(name, core, n) for name in ("mlperf_tiny_kws", "mlperf_tiny_ic") for core, n in SHOWN}
EVERY = [(name, core, n) for name in NAMES for core in BOARDS for n in range(POINTS)]


@cache
def graph(name: str) -> Graph:
    """What a build schedules."""
    return pipeline.read_model(matrix.model_file(name), boards.load("host")).graph


@cache
def points(name: str) -> tuple[Schedule, ...]:
    """As many of a model's front, evenly spread from the fastest to the smallest."""
    found = front(graph(name), plans.HOST)
    return tuple(found[round(n * (len(found) - 1) / (POINTS - 1))].plan.schedule for n in range(POINTS))


@pytest.mark.parametrize(
    ("name", "core", "n"), [pytest.param(*e, marks=() if e in QUICK else pytest.mark.slow) for e in EVERY]
)
def test_a_point_of_the_front_on_an_emulated_board(name: str, core: str, n: int, tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    file = tmp_path / "point.toml"
    schedule = points(name)[n]
    schedule_file.save(file, matrix.model_file(name), graph(name), schedule)
    try:
        plan = make_plan(graph(name), schedule, boards.target(boards.load(BOARDS[core])))
    except DoesNotFit:
        pytest.skip(f"this point does not fit {BOARDS[core]}")
    built = edgekit.build(
        matrix.model_file(name),
        board=BOARDS[core],
        out=tmp_path / "out",
        toolchain=require("gnu"),
        optimize="balanced",
        schedule=file,
    )
    answers = matrix.run(tmp_path / "out", matrix.inputs(name)[:2])
    assert [a.outputs for a in answers] == list(matrix.expected(name)[:2])
    assert built.schedule == describe(schedule)
    assert {sum(a.memory.arena_bytes) for a in answers} == {built.arena_bytes} == {plan.arena_bytes}
