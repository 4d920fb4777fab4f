"""`edgekit bench`."""

from __future__ import annotations

from pathlib import Path

import click

from ... import api
from ...api.comparison import DEFAULT
from ...errors import MismatchError
from ...report import side_by_side
from .. import options
from ..output import Output


@click.command()
@click.argument("model", required=False, type=options.MODEL)
@options.board
@click.option(
    "--kernels", metavar="NAME,NAME", default=",".join(DEFAULT), show_default=True, help="Whose kernels to compare."
)
@click.option("-o", "--out", type=options.FOLDER, help="Folder of builds; default: build/bench/BOARD in the project.")
@options.compiler
@options.io
@click.option("--emulate", is_flag=True, help="Run the images on an emulated board.")
@click.option("--device", "device_name", metavar="PORT", help="Serial port of the board, which is programmed.")
@click.option("--timeout", metavar="SECONDS", help="How long to wait for the device.")
@options.common
def bench(
    model: Path | None,
    board_name: str | None,
    kernels: str,
    out: Path | None,
    toolchain: str | None,
    optimize: str | None,
    io_mode: str | None,
    emulate: bool,
    device_name: str | None,
    timeout: str | None,
    as_json: bool,
) -> None:
    """Compare kernels, layer by layer.

    MODEL is a .tflite; without it, the project's. It is built once per provider of kernels, and each image is run and
    compared with the reference. Without --emulate the board is programmed with each image.
    """
    output = Output.create(as_json)
    with output.console.status("building and running ..."):
        result = api.bench(
            model,
            kernels=[name.strip() for name in kernels.split(",")],
            board=board_name,
            out=out,
            toolchain=toolchain,
            optimize=optimize,
            io=io_mode,
            emulate=emulate,
            device=device_name,
            timeout=options.seconds(timeout),
        )
    output.show(*side_by_side.bench(result))
    wrong = [run.kernels for run in result.runs if not run.output_matches_reference]
    if wrong:
        message = (
            f"the output of {result.model} with the kernels of {' and of '.join(wrong)} differs from the reference"
        )
        raise MismatchError("output.mismatch", message, "please report it with the model")
    output.result("bench", result)
