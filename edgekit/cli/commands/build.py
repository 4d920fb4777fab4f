"""`edgekit build`."""

from __future__ import annotations

from pathlib import Path

import click

from ... import api
from ...report import tables
from .. import options
from ..output import Output


@click.command()
@click.argument("model", required=False, type=options.MODEL)
@options.board
@click.option("-o", "--out", type=options.FOLDER, help="Build folder; default: build/BOARD in the project.")
@options.compiler
@options.io
@options.sram("model and firmware together")
@options.latency_overhead
@options.schedule
@options.solver
@options.kernels
@options.stream_input
@options.frame_buffer
@options.stream_output
@click.option("--dry-run", is_flag=True, help="Plan only: say what would be built, compile nothing.")
@options.common
def build(
    model: Path | None,
    board_name: str | None,
    out: Path | None,
    toolchain: str | None,
    optimize: str | None,
    io_mode: str | None,
    sram: int | None,
    latency_overhead: float | None,
    schedule: Path | None,
    solver: bool,
    kernels: str | None,
    stream_input: bool,
    frame_buffer: bool,
    stream_output: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Turn a model into C and firmware for a board.

    MODEL is a .tflite; without it, the project's (edgekit.toml). The schedule is the fastest that fits.
    """
    output = Output.create(as_json)
    if dry_run:
        planned = api.plan(
            model,
            board=board_name,
            io=io_mode,
            sram=sram,
            stream_input=stream_input,
            frame_buffer=frame_buffer,
            stream_output=stream_output,
            latency_overhead=latency_overhead,
            schedule=schedule,
            solver=solver,
            kernels=kernels,
        )
        output.show(*tables.plan(planned), "dry run: nothing was compiled")
        output.result("build", planned)
        return
    with output.console.status("building ..."):
        result = api.build(
            model,
            board=board_name,
            out=out,
            toolchain=toolchain,
            optimize=optimize,
            io=io_mode,
            sram=sram,
            stream_input=stream_input,
            frame_buffer=frame_buffer,
            stream_output=stream_output,
            latency_overhead=latency_overhead,
            schedule=schedule,
            solver=solver,
            kernels=kernels,
        )
    output.show(*tables.build(result))
    output.result("build", result)
