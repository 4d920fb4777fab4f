"""What memory plans reach, one firmware image a row: writes docs/memory.md and the fronts in docs/images.

    python -m benchmarks.memory [--only NAME ...]

Every row is planned within its goal, built, run, and compared with the reference and with its plan. The page is written
again after every model, and a model's rows replace those that it had: what was interrupted goes on with --only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit import boards, pipeline
from edgekit.errors import EdgekitError
from edgekit.plan_results import PlanPoint
from edgekit.report.memory_map import plot_front
from edgekit_codegen import cost
from edgekit_codegen.errors import DoesNotFit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.elide import elide
from edgekit_codegen.prices import Pricing, evenly, price
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.fitting import fitting, mac_factor, overhead
from edgekit_codegen.schedule.front import Point, front
from edgekit_codegen.schedule.text import describe

from . import firmware
from .memory_goals import SUBJECTS, Goal, Subject
from .memory_page import PAGE, Row, picture, read_rows, render
from .memory_zoo import ZOO
from .models import REAL, models


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the seconds of processor time that it took to find."""

    point: Point
    seconds: float


class Planner:
    """Plans of one model; its fronts are made once, where something asks for them."""

    def __init__(self, read: pipeline.Read) -> None:
        self.read = read
        self._fronts: dict[str, tuple[Point, ...]] = {}
        self._found: dict[str, list[Point]] = {}
        self._missed: dict[str, int] = {}
        """Bytes that were too few."""

    def graph(self, taken: str) -> Graph:
        """The graph whose input is taken in that way, as `front.Point` has it."""
        graph = self.read.graph
        return replace(graph, outside=frozenset(graph.inputs)) if taken == "random-access" else graph

    def front(self, taken: str) -> list[Point]:
        """Of the planner's front and of the plans that were found within goals, those that no other one beats."""
        graph, target = self.graph(taken), self.read.target
        if taken not in self._fronts:
            self._fronts[taken] = front(graph, target, graph.inputs if taken == "streamed" else ())
        kept: list[Point] = []
        found = (*self._fronts[taken], *self._found.get(taken, ()))
        for point in sorted(found, key=lambda p: (p.overhead, p.plan.arena_bytes)):
            if not kept or point.plan.arena_bytes < kept[-1].plan.arena_bytes:
                kept.append(point)
        return kept

    def within(self, taken: str, goal: Goal) -> Planned:
        """The fastest plan within a goal's bytes, or the one with the fewest multiply-accumulates where that one has
        too many; where there is none, the smallest with about the goal's work."""
        began = time.process_time()
        point = self._fastest(taken, goal.arena)
        if point is not None and not near(point, goal.factor):
            fewest = self._fastest(taken, goal.arena, (evenly,))
            point = fewest if fewest is not None and fewest.mac_factor < point.mac_factor else point
        if point is None:
            self._missed[taken] = max(self._missed.get(taken, 0), goal.arena)
            point = smallest(self.front(taken), goal.factor)
        else:
            self._found.setdefault(taken, []).append(point)
        return Planned(point, time.process_time() - began)

    def below_layers(self) -> tuple[Goal, Planned]:
        """The smallest resident plan that computes nothing twice; the goal is layer by layer's bytes."""
        began = time.process_time()
        points = self.front("resident")
        planned = Planned(smallest(points, 1.0), time.process_time() - began)
        return Goal(points[0].plan.arena_bytes), planned

    def _fastest(self, taken: str, arena: int, pricings: Sequence[Pricing] = (price, evenly)) -> Point | None:
        graph = self.graph(taken)
        if arena <= self._missed.get(taken, 0):
            return None
        try:
            pulled = graph.inputs if taken == "streamed" else ()
            found = fitting(graph, self.read.target, arena, pulled, pricings=pricings)
        except DoesNotFit:
            return None
        schedule = found.plan.schedule
        extra, factor = overhead(graph, found.graph, schedule), mac_factor(graph, found.graph, schedule)
        return Point(found.plan, extra, factor, taken, rewrites=found.rewrites)


def near(point: Point, factor: float) -> bool:
    """Whether it executes no more multiply-accumulates than so many times layer by layer's, to two digits."""
    return round(point.mac_factor, 2) <= factor


def smallest(points: Sequence[Point], factor: float) -> Point:
    """Of those with that factor, or of all where none has."""
    return min([p for p in points if near(p, factor)] or points, key=lambda p: p.plan.arena_bytes)


def measure(subject: Subject) -> list[Row]:
    """The rows of one model; draws its front where it has one."""
    with tempfile.TemporaryDirectory() as scratch:
        model = subject.write(Path(scratch))
        read = pipeline.read_model(model, boards.load(subject.board), "int8")
        planner = Planner(read)
        base = None
        if subject.board != "host":
            layers = elide(read.graph, layerwise.schedule(read.graph))
            base = firmware.run(model, subject.board, read.graph, layers, Path(scratch) / "layers")
        found: list[tuple[Goal, Planned]] = []
        if subject.name in ZOO:
            found.append(planner.below_layers())
        for taken, goals in subject.goals.items():
            for goal in goals:
                found.append((goal, planner.within(taken, goal)))
                point = found[-1][1].point
                _say(subject, f"{goal}: {point.plan.arena_bytes:,} @ {point.mac_factor:.3f}")
        if subject.front:
            _draw(subject, planner, [planned.point for _, planned in found if planned.point.input == "streamed"][-1])
        rows = []
        for number, (goal, planned) in enumerate(found):
            schedule = planned.point.plan.schedule
            _say(subject, f"building {describe(schedule)}")
            out, rewrites = Path(scratch) / str(number), planned.point.rewrites
            graph = planner.graph(planned.point.input)
            run = firmware.run(model, subject.board, graph, schedule, out, rewrites)
            rows.append(_row(subject, goal, planned, run, base))
    return rows


def _row(subject: Subject, goal: Goal, planned: Planned, run: firmware.Run, base: firmware.Run | None) -> Row:
    """base: the image that runs layer by layer, None on the host."""
    (build, profile), point = run, planned.point
    if point.plan.arena_bytes != build.arena_bytes:
        raise AssertionError(f"{subject.name}: planned {point.plan.arena_bytes}, built {build.arena_bytes}")
    return Row(
        model=subject.title,
        input=point.input,
        goal=goal,
        arena=build.arena_bytes,
        mac_factor=point.mac_factor,
        instructions=None if base is None else (profile.instructions or 0) / (base[1].instructions or 1),
        bound=build.arena_lower_bound_bytes,
        seconds=planned.seconds,
        text=None if base is None else build.code_bytes,
        text_factor=None if base is None else build.code_bytes / base[0].code_bytes,
        board=build.board,
    )


def _draw(subject: Subject, planner: Planner, marked: Point) -> None:
    """The front of the streamed input, with the plan of the last goal marked."""
    graph = planner.read.graph
    dense = cost.instructions(graph)
    drawn = [
        PlanPoint(
            arena_bytes=point.plan.arena_bytes,
            mac_factor=point.mac_factor,
            extra_instructions=point.overhead,
            slowdown=1 + point.overhead / dense,
            cycles_estimate=None,
            flash_bytes=cost.weights_bytes(graph, planner.read.target),
            input=point.input,
            output=point.output,
            schedule=describe(point.plan.schedule),
        )
        for point in planner.front("streamed")
    ]
    plot_front(subject.title, drawn, marked.plan.arena_bytes, picture(subject))


def _say(subject: Subject, text: str) -> None:
    print(f"{subject.name}: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="Write docs/memory.md.")
    names = [subject.name for subject in SUBJECTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    wanted = parser.parse_args(arguments).only
    if absent := [name for name in wanted if name in REAL and name not in models()]:
        sys.exit(f"{PAGE.name} stays as it is, for want of {', '.join(absent)}: set EDGEKIT_MODELS to their folder")
    for subject in SUBJECTS:
        if subject.name in wanted:
            try:
                _write(subject, measure(subject))
            except EdgekitError as error:
                sys.exit(f"{subject.name}: {error}")


def _write(subject: Subject, rows: Sequence[Row]) -> None:
    """The page with these rows for the model, and what it had for all others."""
    before = read_rows(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else []
    others = {s.title: [row for row in before if row.model == s.title] for s in SUBJECTS}
    every = [row for title, had in {**others, subject.title: rows}.items() for row in had]
    PAGE.write_text(render(every), encoding="utf-8")


if __name__ == "__main__":
    main()
