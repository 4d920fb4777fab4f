"""What the command line prints: people's text, or one JSON envelope on stdout with the text on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field

import click
from rich.console import Console, RenderableType
from rich.markup import escape

from ..errors import EdgekitError
from ..results import Json, Result

SCHEMA = 1
WIDTH = 120
"""Columns for tables where the output is no terminal."""


@dataclass(slots=True)
class Output:
    """Where a command's text and result go."""

    as_json: bool = False
    console: Console = field(default_factory=Console)

    @classmethod
    def create(cls, as_json: bool) -> Output:
        file = sys.stderr if as_json else sys.stdout
        return cls(as_json, Console(file=file, highlight=False, width=None if file.isatty() else WIDTH))

    def show(self, *renderables: RenderableType) -> None:
        """Print for people."""
        for renderable in renderables:
            self.console.print(renderable, soft_wrap=isinstance(renderable, str))

    def result(self, command: str, result: Result) -> None:
        """Print the JSON envelope of a command that succeeded."""
        if self.as_json:
            click.echo(envelope(command, result.to_json()))


def envelope(command: str, data: Json | None, error: EdgekitError | None = None) -> str:
    """The one JSON document a command prints with --json."""
    errors = [] if error is None else [{"code": error.code, "message": error.message, "hint": error.hint}]
    document = {"schema": SCHEMA, "command": command, "ok": error is None, "data": data, "errors": errors}
    return json.dumps(document, indent=2, default=str)


def print_error(error: EdgekitError, command: str, as_json: bool) -> None:
    """An error for people on stderr and, with --json, as an envelope on stdout."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]error[/] [dim]{escape(f'[{error.code}]')}[/] {escape(error.message)}")
    if error.hint:
        console.print(f"[bold cyan]hint[/]  {escape(error.hint)}")
    if as_json:
        click.echo(envelope(command, None, error))
