"""`edgekit plan`."""

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
@options.io
@options.sram("the arena")
@options.latency_overhead
@options.schedule
@options.solver
@options.kernels
@options.stream_input
@options.frame_buffer
@options.stream_output
@click.option("--pareto", is_flag=True, help="List every plan that no other one beats in memory and time.")
@click.option("--explain", is_flag=True, help="Say what holds the peak and what the next smaller plan costs.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=".",
    metavar="[FILE]",
    help="Draw the memory map into a .png or .svg, MODEL-memory.png without FILE; with --pareto, the front beside it"
    " into FILE-front.",
)
@click.option("--save-schedule", type=options.MODEL, metavar="FILE", help="Write the schedule, for --schedule.")
@options.common
def plan(
    model: Path | None,
    board_name: str | None,
    io_mode: str | None,
    sram: int | None,
    latency_overhead: float | None,
    schedule: Path | None,
    solver: bool,
    kernels: str | None,
    stream_input: bool,
    frame_buffer: bool,
    stream_output: bool,
    pareto: bool,
    explain: bool,
    plot: Path | None,
    save_schedule: Path | None,
    as_json: bool,
) -> None:
    """Show a model's memory map on a board; no toolchain.

    The schedule is the fastest that fits.
    """
    output = Output.create(as_json)
    with output.console.status("planning ..."):
        result = api.plan(
            model,
            board=board_name,
            io=io_mode,
            plot=plot,
            sram=sram,
            stream_input=stream_input,
            frame_buffer=frame_buffer,
            stream_output=stream_output,
            pareto=pareto,
            latency_overhead=latency_overhead,
            explain=explain,
            schedule=schedule,
            solver=solver,
            kernels=kernels,
            save_schedule=save_schedule,
        )
    output.show(*tables.plan(result))
    output.result("plan", result)
