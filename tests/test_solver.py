"""CP-SAT as a packer: never higher than the start, the same every time, and an error that says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import plans

from benchmarks.memory_zoo import ZOO
from edgekit import boards, pipeline
from edgekit.errors import UsageError
from edgekit_codegen import passes
from edgekit_codegen.memory.buffer import Buffer
from edgekit_codegen.memory.planner import make_plan
from edgekit_codegen.memory.problem import Packing, Problem
from edgekit_codegen.memory.solver import refine
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule import layerwise

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"


def test_without_or_tools_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs OR-Tools") as caught:
        pipeline.compile_model(DIGITS, boards.load("host"), solver=True)
    assert "edgekit[solver]" in caught.value.hint


def test_stacked_buffers_are_packed_to_the_bound() -> None:
    pytest.importorskip("ortools")
    lives = [(0, 0, 4), (0, 2, 4), (2, 3, 20), (2, 4, 24), (2, 5, 16), (3, 3, 12), (3, 4, 12), (5, 5, 16)]
    problem = Problem([Buffer((), None, size, first, last, 0) for first, last, size in lives])
    stacked = Packing(tuple(sum(problem.sizes[:n]) for n in range(len(lives))), sum(problem.sizes))
    found = refine(problem, stacked)
    assert found.height == problem.lower_bound
    assert refine(problem, stacked) == found
    assert refine(problem, found) == found


def test_a_plan_of_rows_is_packed_and_certified() -> None:
    pytest.importorskip("ortools")
    graph = passes.optimize(ZOO["dilated"]()).graph
    schedule = layerwise.schedule(graph)
    plan = make_plan(graph, schedule, plans.HOST, lambda problem, best: refine(problem, best, 0.02))
    validate(graph, plan, plans.HOST)
    assert plan.lower_bound_bytes <= plan.arena_bytes <= make_plan(graph, schedule, plans.HOST).arena_bytes
