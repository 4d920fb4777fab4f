"""`edgekit bench` as a function: a model built with the kernels of several providers, run, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import workspace
from ..bench_results import BenchFigure, BenchLayer, BenchResult, BenchRun
from ..config.settings import resolve
from ..errors import UsageError
from ..results import BuildResult, LayerResult, ProfileResult
from .compile import build
from .device import profile
from .flashing import flash
from .locate import locate

DEFAULT = ("edgekit", "cmsis-nn")


def bench(
    model: Path | str | None = None,
    *,
    kernels: Sequence[str] = DEFAULT,
    board: str | None = None,
    out: Path | str | None = None,
    toolchain: str | None = None,
    optimize: str | None = None,
    io: str | None = None,
    emulate: bool = False,
    device: str | None = None,
    timeout: float | None = None,
    start: Path | str = ".",
) -> BenchResult:
    """Build a model once per provider of kernels and profile each image, as `build` and `profile` do.

    kernels  as `build` has them, each once
    out      gets a build folder per provider; None is build/bench/<board> under the project, or `start` without one
    device   serial port of a board, which is programmed with each image in turn; so it is without one and `emulate`
    """
    subject = locate(model, board, Path(start))
    chosen = [resolve("kernels", name, subject.project).known for name in dict.fromkeys(kernels)]
    if len(chosen) < 2:
        raise UsageError("bench.kernels", "there is nothing to compare", f"as --kernels {','.join(DEFAULT)}")
    folder = Path(out) if out is not None else subject.root / "build" / "bench" / subject.board.name
    runs = []
    for name in chosen:
        built = build(
            subject.model,
            board=board,
            out=folder / name,
            toolchain=toolchain,
            optimize=optimize,
            io=io,
            kernels=name,
            start=start,
        )
        if not emulate and not subject.board.is_host:
            flash(built.dir, device=device, start=start)
        runs.append((name, built, profile(built.dir, emulate=emulate, device=device, timeout=timeout, start=start)))
    return BenchResult(
        model=runs[0][1].model,
        board=subject.board.name,
        target=runs[0][2].target,
        runs=tuple(_run(*run) for run in runs),
        layers=_side_by_side([(built, profiled) for _, built, profiled in runs]),
    )


def _run(kernels: str, built: BuildResult, profiled: ProfileResult) -> BenchRun:
    return BenchRun(
        kernels=kernels,
        library=built.library,
        instructions=profiled.instructions,
        cycles=profiled.cycles,
        arena_bytes=built.arena_bytes,
        code_bytes=built.code_bytes,
        weights_bytes=built.weights_bytes,
        stack_bytes=built.stack_bytes,
        sram_bytes=built.sram_bytes,
        output_matches_reference=profiled.output_matches_reference,
        dir=str(built.dir),
    )


def _side_by_side(runs: Sequence[tuple[BuildResult, ProfileResult]]) -> tuple[BenchLayer, ...]:
    """The layers of all runs, in the order of the first; those that it lacks come last."""
    keyed = [_layers(built, profiled) for built, profiled in runs]
    every = dict.fromkeys(key for layers in keyed for key in layers)
    made = []
    for key in every:
        found = [layers.get(key) for layers in keyed]
        first = next(layer for layer in found if layer is not None)
        figures = (
            None if layer is None else BenchFigure(layer.name, b.kernels[layer.name], layer.instructions, layer.cycles)
            for layer, (b, _) in zip(found, runs, strict=True)
        )
        made.append(BenchLayer(first.op, first.detail, first.macs, tuple(figures)))
    return tuple(made)


def _layers(built: BuildResult, profiled: ProfileResult) -> dict[tuple[str, str], LayerResult]:
    """By operator and the tensor that it makes, which are the same in every plan of a model."""
    written = [(layer["op"], layer["tensor"]) for layer in workspace.open_folder(built.dir).layers]
    return dict(zip(written, profiled.layers, strict=True))
