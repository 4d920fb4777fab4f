"""From what programmers print to errors that say what to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from ..errors import FlashError
from .types import Outcome

UNKNOWN_STATE = "the flash may hold only a part of the image: connect the board firmly and run `edgekit flash` again"

_LINE = 300  # characters of a programmer's line that a message repeats
_ERROR_LINE = re.compile(r"^(?:Error: .*|.*(?:[Ff]ailed|error|cannot|refused|mismatch).*)$", re.MULTILINE)


def first_match(patterns: Sequence[tuple[str, FlashError]], output: str) -> FlashError | None:
    """The error of the first pattern (a regular expression) that the output has, with the line that has it."""
    for pattern, error in patterns:
        found = re.search(pattern, output)
        if found is not None:
            line = output[output.rfind("\n", 0, found.start()) + 1 :].splitlines()[0]
            return FlashError(error.code, f"{error.message} ({_short(line)})", error.hint)
    return None


def interrupted(name: str, outcome: Outcome) -> FlashError | None:
    """The error for a programmer that a signal ended, None for one that ended by itself."""
    number = -outcome.code if outcome.code < 0 else outcome.code - 128
    if number not in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGKILL", 9), getattr(signal, "SIGHUP", 1)):
        return None
    return FlashError("flash.interrupted", f"{name} was ended by {signal.Signals(number).name}", UNKNOWN_STATE)


def failed(name: str, outcome: Outcome) -> FlashError:
    """The error for a failure that no pattern knows: the programmer's own words."""
    said = _ERROR_LINE.findall(outcome.output)[-1:] or _last_line(outcome.output) or ["it said nothing"]
    return FlashError(
        "flash.failed",
        f"{name} failed with exit code {outcome.code}: {_short(said[0])}",
        "the flash may hold a part of the image; `edgekit flash --dry-run` shows the command, to try it by hand",
    )


def last_words(output: str) -> str:
    """The last line of an output, for the end of a message; "" where there is none."""
    return "".join(f"; it last said: {_short(line)}" for line in _last_line(output))


def _last_line(output: str) -> list[str]:
    return output.strip().splitlines()[-1:]


def _short(line: str) -> str:
    line = line.strip()
    return line if len(line) <= _LINE else f"{line[:_LINE]} ..."
