"""`edgekit build` and `edgekit plan` as functions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from edgekit_codegen import passes
from edgekit_codegen.schedule.front import Point
from edgekit_codegen.schedule.text import describe

from .. import pipeline, workspace
from ..builder import MemoryUse
from ..config.settings import resolve
from ..report import memory_map
from ..results import BuildResult, PlanPoint, PlanResult, Rewrite
from .locate import locate


def build(
    model: Path | str | None = None,
    *,
    board: str | None = None,
    out: Path | str | None = None,
    toolchain: str | None = None,
    optimize: str | None = None,
    io: str | None = None,
    sram: int | None = None,
    start: Path | str = ".",
) -> BuildResult:
    """Build firmware for a board.

    model  a .tflite; None takes the project's, found from folder `start` upwards
    out    the build folder; None is build/<board> under the project, or under `start` without one
    sram   the most bytes of RAM that model and firmware may take; None leaves all of the board's

    The other arguments override environment, project and defaults, as flags do on the command line.
    Raises the errors of `edgekit.errors`; their `exit` is the command's exit code.
    """
    began = time.perf_counter()
    subject = locate(model, board, Path(start))
    chosen_io = resolve("io", io, subject.project).known
    folder = Path(out) if out is not None else subject.root / "build" / subject.board.name
    folder.mkdir(parents=True, exist_ok=True)
    chosen_toolchain = resolve("toolchain", toolchain, subject.project).value
    chosen_level = resolve("optimize", optimize, subject.project).known
    room = sram
    while True:
        compiled = pipeline.compile_model(subject.model, subject.board, chosen_io, room)
        artifact = pipeline.to_firmware(compiled, subject.board, folder, chosen_toolchain, chosen_level)
        if sram is None or artifact.sram_bytes <= sram:
            break
        room = compiled.plan.arena_bytes - (artifact.sram_bytes - sram)
    result = BuildResult(
        model=compiled.graph.name,
        board=subject.board.name,
        toolchain=artifact.toolchain,
        build_id=artifact.build_id,
        arena_bytes=compiled.plan.arena_bytes,
        arena_lower_bound_bytes=compiled.plan.lower_bound_bytes,
        stack_bytes=artifact.stack_bytes,
        sram_bytes=artifact.sram_bytes,
        flash_bytes=artifact.flash_bytes,
        code_bytes=artifact.code_bytes,
        weights_bytes=artifact.weights_bytes,
        regions=artifact.memories,
        macs=passes.macs(compiled.graph),
        macs_original=passes.macs(compiled.source),
        rewrites=rewrites(compiled.steps),
        schedule=describe(compiled.plan.schedule),
        elf=artifact.elf,
        dir=folder,
        cached=artifact.cached,
        seconds=time.perf_counter() - began,
    )
    workspace.record(result, subject.model, chosen_io)
    return result


def plan(
    model: Path | str | None = None,
    *,
    board: str | None = None,
    io: str | None = None,
    plot: Path | str | None = None,
    sram: int | None = None,
    stream_input: bool = False,
    pareto: bool = False,
    start: Path | str = ".",
) -> PlanResult:
    """Plan a model's memory on a board, without a toolchain.

    plot          names a PNG or SVG to draw the map into
    sram          the most bytes that the arena may take; None leaves all of the board's memory
    stream_input  the input's rows arrive one by one, in order
    pareto        list all plans that no other one beats in both memory and time as well, whether they fit or not
    """
    subject = locate(model, board, Path(start))
    chosen_io = resolve("io", io, subject.project).known
    compiled = pipeline.compile_model(subject.model, subject.board, chosen_io, sram, stream_input)
    points = pipeline.pareto(compiled, stream_input) if pareto else ()
    plots: tuple[Path, ...] = ()
    if plot is not None:
        memory_map.plot(compiled.graph, compiled.plan, Path(plot))
        plots = (Path(plot),)
    summary = memory_map.summarize(compiled.graph, compiled.plan)
    return PlanResult(
        model=compiled.graph.name,
        board=subject.board.name,
        arena_bytes=compiled.plan.arena_bytes,
        arena_lower_bound_bytes=compiled.plan.lower_bound_bytes,
        gap=compiled.plan.gap,
        regions=tuple(MemoryUse(r.name, "ram", r.used, r.size, {"arena": r.used}) for r in compiled.plan.regions),
        macs=passes.macs(compiled.graph),
        macs_original=passes.macs(compiled.source),
        rewrites=rewrites(compiled.steps),
        input="streamed" if stream_input else "resident",
        schedule=describe(compiled.plan.schedule),
        peak_layer=summary.peak_layer,
        peak_tensors=summary.peak_tensors,
        buffers=summary.buffers,
        plots=plots,
        points=tuple(_point(point) for point in points),
    )


def _point(point: Point) -> PlanPoint:
    return PlanPoint(
        point.plan.arena_bytes, point.mac_factor, point.overhead, point.input, describe(point.plan.schedule)
    )


def rewrites(steps: Iterable[passes.PassReport]) -> tuple[Rewrite, ...]:
    """What every pass that found something did and saved, all its rounds together, in the order of the first."""
    found: dict[str, Rewrite] = {}
    for step in steps:
        if step.changed:
            old = found.get(step.name, Rewrite(step.name, (), 0, 0))
            found[step.name] = Rewrite(
                step.name,
                (*old.changes, *step.changed),
                old.macs_saved + step.macs_before - step.macs_after,
                old.bytes_saved + step.bytes_before - step.bytes_after,
            )
    return tuple(found.values())
