"""`edgekit build` and `edgekit plan` as functions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from edgekit_codegen import cost, passes
from edgekit_codegen.emit.names import Names
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import OUTSIDE, RegionUse
from edgekit_codegen.providers import kernel_of
from edgekit_codegen.schedule import fitting, walk
from edgekit_codegen.schedule.front import Point, mode
from edgekit_codegen.schedule.text import describe

from .. import boards, estimate, pipeline, schedule_file, workspace
from ..boards import Board
from ..builder import MemoryUse
from ..config.settings import resolve
from ..errors import UsageError
from ..plan_results import PlanPoint
from ..report import explain as explained
from ..report import memory_map
from ..results import BuildResult, PlanResult, Rewrite
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
    latency_overhead: float | None = None,
    schedule: Path | str | None = None,
    stream_input: bool = False,
    frame_buffer: bool = False,
    stream_output: bool = False,
    solver: bool = False,
    kernels: str | None = None,
    start: Path | str = ".",
) -> BuildResult:
    """Build firmware for a board.

    model  a .tflite; None takes the project's, found from folder `start` upwards
    out    the build folder; None is build/<board> under the project, or under `start` without one
    sram   the most bytes of RAM that model and firmware may take; None leaves all of the board's
    stream_input   the input's rows arrive one by one, in order; the firmware then asks the host for them
    frame_buffer   the input lies beside the arena, in memory of the caller's: it is read there, as often as needed
    stream_output  the output's rows leave one by one, in order; the host then takes them from the firmware

    latency_overhead  take the smallest plan of those that need at most about so many times the instructions of layer by
                      layer (1.1); None takes the fastest that fits
    schedule          a file that `plan` saved: its schedule, instead of any search
    solver            pack the schedule's buffers by CP-SAT as well, of the extra `solver`
    kernels           "cmsis-nn" has CMSIS-NN compute the layers that it can, each as a whole; edgekit's kernels compute
                      the others

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
    chosen_kernels = resolve("kernels", kernels, subject.project).known
    chosen_schedule = _one_way(latency_overhead, schedule)
    pipeline.require_rows(chosen_kernels, _asked(latency_overhead, schedule, stream_input, stream_output))
    _one_input(stream_input, frame_buffer)
    room = sram
    while True:
        compiled = pipeline.compile_model(
            subject.model,
            subject.board,
            chosen_io,
            room,
            stream_input,
            stream_output,
            frame_buffer=frame_buffer,
            slowdown=latency_overhead,
            schedule=chosen_schedule,
            solver=solver,
            kernels=chosen_kernels,
        )
        artifact = pipeline.to_firmware(compiled, subject.board, folder, chosen_toolchain, chosen_level)
        if sram is None or artifact.sram_bytes <= sram:
            break
        room = compiled.plan.arena_bytes - (artifact.sram_bytes - sram)
    streams_input, streams_output = _streamed(compiled)
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
        macs=passes.macs(compiled.original),
        macs_original=passes.macs(compiled.source),
        rewrites=rewrites(compiled.steps),
        input=mode(streams_input, bool(compiled.graph.outside)),
        output=mode(streams_output),
        schedule=describe(compiled.plan.schedule),
        elf=artifact.elf,
        dir=folder,
        cached=artifact.cached,
        seconds=time.perf_counter() - began,
        kernels=_kernels(compiled),
        mac_factor=compiled.mac_factor,
        extra_instructions=compiled.overhead,
        rewritten=compiled.rewritten,
        library=artifact.library,
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
    frame_buffer: bool = False,
    stream_output: bool = False,
    pareto: bool = False,
    latency_overhead: float | None = None,
    explain: bool = False,
    schedule: Path | str | None = None,
    save_schedule: Path | str | None = None,
    solver: bool = False,
    kernels: str | None = None,
    start: Path | str = ".",
) -> PlanResult:
    """Plan a model's memory on a board, without a toolchain.

    plot           names a PNG or SVG to draw the map into, or a folder for <model>-memory.png; with `pareto`, the front
                   goes beside it into <stem>-front
    sram           the most bytes that the arena may take; None leaves all of the board's memory
    stream_input   the input's rows arrive one by one, in order
    frame_buffer   as for `build`
    stream_output  the output's rows leave one by one, in order
    pareto         list all plans that no other one beats in both memory and time as well, whether they fit or not
    explain        say what holds the peak, what the next smaller plan costs, and what keeps the peak from streaming

    latency_overhead  as for `build`; so are `schedule`, `solver` and `kernels`
    save_schedule     names a file to write the plan's schedule into
    """
    subject = locate(model, board, Path(start))
    chosen_io = resolve("io", io, subject.project).known
    chosen_kernels = resolve("kernels", kernels, subject.project).known
    drawn = None if plot is None else memory_map.file(Path(plot), subject.model)
    _one_input(stream_input, frame_buffer)
    asked = _asked(latency_overhead, schedule, stream_input, stream_output)
    more = {"--pareto": pareto, "--explain": explain, "--save-schedule": save_schedule}
    pipeline.require_rows(chosen_kernels, {**asked, **more})
    compiled = pipeline.compile_model(
        subject.model,
        subject.board,
        chosen_io,
        sram,
        stream_input,
        stream_output,
        latency_overhead,
        _one_way(latency_overhead, schedule),
        solver,
        chosen_kernels,
        frame_buffer,
    )
    streams_input, streams_output = _streamed(compiled)
    if save_schedule is not None:
        with pipeline.compiler_errors(subject.model.name):
            schedule_file.save(
                Path(save_schedule), subject.model, compiled.original, compiled.plan.schedule, compiled.rewrites
            )
    found = pipeline.pareto(compiled.read, streams_input, streams_output) if pareto or explain else ()
    points = tuple(_point(compiled.original, subject.board, point) for point in found)
    plots: tuple[Path, ...] = ()
    if drawn is not None:
        memory_map.plot(compiled.graph, compiled.plan, drawn)
        plots = (drawn,)
        if pareto:
            beside = drawn.with_stem(f"{drawn.stem}-front")
            memory_map.plot_front(compiled.graph.name, points, compiled.plan.arena_bytes, beside)
            plots = (*plots, beside)
    summary = memory_map.summarize(compiled.graph, compiled.plan)
    return PlanResult(
        model=compiled.graph.name,
        board=subject.board.name,
        arena_bytes=compiled.plan.arena_bytes,
        arena_lower_bound_bytes=compiled.plan.lower_bound_bytes,
        gap=compiled.plan.gap,
        regions=tuple(_use(region) for region in compiled.plan.regions),
        macs=passes.macs(compiled.original),
        macs_original=passes.macs(compiled.source),
        rewrites=rewrites(compiled.steps),
        input=mode(streams_input, bool(compiled.graph.outside)),
        output=mode(streams_output),
        schedule=describe(compiled.plan.schedule),
        peak_layer=summary.peak_layer,
        peak_tensors=summary.peak_tensors,
        buffers=summary.buffers,
        kernels=_kernels(compiled),
        mac_factor=compiled.mac_factor,
        extra_instructions=compiled.overhead,
        rewritten=compiled.rewritten,
        plots=plots,
        saved=None if save_schedule is None else Path(save_schedule),
        points=points if pareto else (),
        explanation=explained.explain(compiled.graph, compiled.plan, points) if explain else None,
    )


def _one_way(latency_overhead: float | None, schedule: Path | str | None) -> Path | None:
    """The schedule file, where it is the only thing that decides on the schedule."""
    if schedule is not None and latency_overhead is not None:
        said = "--schedule and --latency-overhead exclude each other"
        raise UsageError("schedule.both", said, "a schedule file leaves nothing to choose")
    return None if schedule is None else Path(schedule)


def _asked(
    latency_overhead: float | None, schedule: Path | str | None, stream_input: bool, stream_output: bool
) -> dict[str, object]:
    """The options that ask for a schedule, as they are spelled."""
    return {
        "--latency-overhead": latency_overhead,
        "--schedule": schedule,
        "--stream-input": stream_input,
        "--stream-output": stream_output,
    }


def _kernels(compiled: pipeline.Compiled) -> dict[str, str]:
    """Layer -> whose kernel computes it."""
    graph, names = compiled.graph, Names(compiled.graph, compiled.plan)
    return {names.constant(i): kernel_of(graph, graph.ops[i], compiled.target).provider for i in names.layers}


def _streamed(compiled: pipeline.Compiled) -> tuple[bool, bool]:
    """Whether the plan has its input arrive, and its output leave, row by row."""
    found = walk.streamed(compiled.plan.schedule)
    return bool(found & set(compiled.graph.inputs)), bool(found & set(compiled.graph.outputs))


def _use(region: RegionUse) -> MemoryUse:
    part = "input" if region.name == OUTSIDE else "arena"
    return MemoryUse(region.name, "ram", region.used, region.size, {part: region.used})


def _one_input(stream_input: bool, frame_buffer: bool) -> None:
    if stream_input and frame_buffer:
        said = "--stream-input and --frame-buffer exclude each other"
        raise UsageError("input.both", said, "the input's rows arrive one by one, or all of it is there")


def _point(graph: Graph, board: Board, point: Point) -> PlanPoint:
    dense = cost.instructions(graph)
    return PlanPoint(
        arena_bytes=point.plan.arena_bytes,
        mac_factor=point.mac_factor,
        extra_instructions=point.overhead,
        slowdown=1 + point.overhead / max(dense, 1),
        cycles_estimate=estimate.cycles(dense + point.overhead, board),
        flash_bytes=cost.weights_bytes(graph, boards.target(board)),
        input=point.input,
        output=point.output,
        schedule=describe(point.plan.schedule),
        rewritten=fitting.describe(fitting.prepared(graph, point.rewrites), point.plan.schedule, point.rewrites),
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
