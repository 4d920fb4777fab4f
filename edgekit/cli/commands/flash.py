"""`edgekit flash`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ... import api
from ...api.flashing import FlashResult
from ...flasher import GDB_SERVER, RUNNERS
from .. import options
from ..output import Output


@click.command()
@click.argument("build_dir", metavar="[DIR]", required=False, type=options.FOLDER)
@click.option(
    "--runner", metavar="NAME", help=f"{' or '.join(RUNNERS)}; default: the first that the board's file names."
)
@click.option("--device", "device_name", metavar="PORT", help="Serial port of the board, to ask which build it runs.")
@click.option("--server", metavar="HOST:PORT", default=GDB_SERVER, show_default=True, help="gdb server of runner gdb.")
@click.option("--no-verify", is_flag=True, help="Do not read the flash back.")
@click.option("--dry-run", is_flag=True, help="Print the programmer's command and stop.")
@options.common
def flash(
    build_dir: Path | None,
    runner: str | None,
    device_name: str | None,
    server: str,
    no_verify: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Program a build into its board, verify it, reset, and ask the board which build it runs."""
    output = Output.create(as_json)

    def work() -> FlashResult:
        return api.flash(
            build_dir, runner=runner, device=device_name, server=server, verify=not no_verify, dry_run=dry_run
        )

    if dry_run:
        result = work()
        output.show(shlex.join(result.argv), result.note)
    else:
        with output.console.status("programming ..."):
            result = work()
        checked = "verified" if result.verified else "not verified"
        output.show(
            f"flashed {result.model} to {result.board} with {result.runner} in {result.seconds:.1f} s, {checked}"
        )
        output.show(f"the device runs build {result.build_id}" if result.answered else result.note)
    output.result("flash", result)
