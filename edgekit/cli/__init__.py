"""The command line. Only this package prints or exits."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from .. import __version__
from ..errors import EdgekitError, Exit, UsageError
from .commands import COMMANDS
from .output import print_error


class _InOrder(click.Group):
    """Help lists the commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="edgekit")
def group() -> None:
    """Neural networks on the smallest computers.

    A tiny model becomes plain C, certified memory, firmware for a board, and per-layer figures from it.
    """


for command in COMMANDS:
    group.add_command(command)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = "--json" in arguments
    name = next((a for a in arguments if not a.startswith("-")), "")
    try:
        group.main(list(arguments), prog_name="edgekit", standalone_mode=False)
    except EdgekitError as error:
        print_error(error, name, as_json)
        return int(error.exit)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return int(Exit.OK)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context is not None else "see `edgekit --help`"
        print_error(UsageError("usage", error.format_message(), hint), name, as_json)
        return int(Exit.USAGE)
    except (KeyboardInterrupt, click.Abort):
        print_error(_interrupted(), name, as_json)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.OK)
    except Exception as error:
        if os.environ.get("EDGEKIT_DEBUG"):
            traceback.print_exc()
        print_error(_bug(error), name, as_json)
        return int(Exit.BUG)
    return int(Exit.OK)


def _interrupted() -> EdgekitError:
    return EdgekitError("interrupted", "interrupted; nothing was left running")


def _bug(error: Exception) -> EdgekitError:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return EdgekitError(
        "bug",
        f"edgekit itself failed: {type(error).__name__}: {error} (in {where.name}, line {where.lineno})",
        "please report this with the traceback that EDGEKIT_DEBUG=1 prints",
    )
