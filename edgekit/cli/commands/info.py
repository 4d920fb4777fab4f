"""`edgekit inspect`, `boards` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from ... import api
from ...report import tables
from .. import options
from ..output import Output


@click.command()
@click.argument("model", required=False, type=options.MODEL)
@options.common
def inspect(model: Path | None, as_json: bool) -> None:
    """Show what a model consists of.

    MODEL is a .tflite; without it, the project's. Lists operators, shapes, quantization and MACs, and says what is
    unsupported and why.
    """
    output = Output.create(as_json)
    result = api.inspect(model)
    output.show(*tables.inspection(result))
    output.result("inspect", result)


@click.command()
@click.argument("name", required=False)
@options.common
def boards(name: str | None, as_json: bool) -> None:
    """List the boards and validate their files."""
    output = Output.create(as_json)
    result = api.boards(name)
    output.show(*tables.boards(result))
    output.result("boards", result)


@click.command()
@options.common
def doctor(as_json: bool) -> None:
    """Say what is missing and how to get it."""
    output = Output.create(as_json)
    result = api.doctor()
    output.show(*tables.doctor(result))
    output.result("doctor", result)
