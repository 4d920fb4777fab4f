"""`edgekit new`."""

from __future__ import annotations

from pathlib import Path

import click

from ... import api
from .. import options
from ..output import Output


@click.command()
@click.argument("name")
@click.option("--model", type=options.MODEL, help="A .tflite to copy into the project.")
@options.board
@options.common
def new(name: str, model: Path | None, board_name: str | None, as_json: bool) -> None:
    """Make a project: a folder NAME with an edgekit.toml."""
    out = Output.create(as_json)
    result = api.new(name, model=model, board=board_name)
    out.show(*(f"wrote {file}" for file in result.files))
    where = "" if model is not None else " put your model.tflite there, then"
    out.show(f"next:{where} `cd {result.folder} && edgekit build --board {board_name or 'stm32f746'}`")
    out.result("new", result)
