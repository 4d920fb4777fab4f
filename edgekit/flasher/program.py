"""Run a programmer, and turn what became of it into a result or a FlashError."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from .. import children
from ..boards import Board
from ..errors import Exit, FlashError, UsageError
from .judge import UNKNOWN_STATE, last_words
from .runners import RUNNERS
from .types import FlashJob, Outcome, Runner

SECONDS = 300.0
"""How long a programmer may take: a full erase and write of 2 MiB takes a minute on a slow probe."""

_END = 5.0  # seconds that a programmer gets to let go of probe and chip
_OUTPUT = 1 << 20  # bytes of its output that are looked at, from the end


@dataclass(frozen=True, slots=True)
class Flashed:
    """A part that was programmed. `seconds`: wall time of the programmer."""

    runner: str
    argv: tuple[str, ...]
    verified: bool
    seconds: float


def choose(board: Board, name: str | None = None) -> Runner:
    """The named runner, or the first of the board's that is known here. UsageError where there is none."""
    if name is not None:
        if name not in RUNNERS:
            raise UsageError("flash.runner", f"no runner is called {name!r}", f"there are: {', '.join(RUNNERS)}")
        return RUNNERS[name]
    known = next((RUNNERS[n] for n in board.flash.runners if n in RUNNERS), None)
    if known is None:
        named = ", ".join(board.flash.runners) or "none"
        raise UsageError(
            "flash.runner",
            f"{board.title}: its file names no runner that edgekit drives (it names: {named})",
            f"choose one with --runner: {', '.join(RUNNERS)}",
        )
    return known


def command(job: FlashJob, runner: Runner) -> tuple[str, ...]:
    """What would be run, whether or not the program is installed."""
    return runner.argv(job, next((p for p in runner.programs if shutil.which(p)), runner.programs[0]))


def flash(job: FlashJob, runner: Runner, seconds: float = SECONDS) -> Flashed:
    """Program, verify and reset the board.

    FlashError: flash.absent, flash.no_probe, flash.ambiguous, flash.no_server, flash.no_target, flash.permission,
    flash.busy, flash.chip, flash.verify, flash.interrupted, flash.timeout, and flash.failed for what no rule knows.
    """
    argv = command(job, runner)
    if shutil.which(argv[0]) is None:
        names = " or ".join(runner.programs)
        raise FlashError("flash.absent", f"{names} is not on the PATH", runner.remedy)
    started = time.monotonic()
    outcome = _run(argv, runner, seconds)
    error = runner.judge(job, outcome)
    if error is not None:
        raise error
    return Flashed(runner.name, argv, job.verify, time.monotonic() - started)


def _run(argv: tuple[str, ...], runner: Runner, seconds: float) -> Outcome:
    """The programmer in a session of its own, so that Ctrl-C reaches it through here, with all that it started; its
    output in a file, which takes any amount, and no process that it leaves behind can hold open."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            raise FlashError("flash.absent", f"{argv[0]} cannot be started: {error.strerror}", runner.remedy) from None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            children.end_group(process, _END)
            raise FlashError(
                "flash.timeout",
                f"{runner.name} did not end within {seconds:.0f} s{last_words(children.said(output, _OUTPUT))}",
                UNKNOWN_STATE,
            ) from None
        except KeyboardInterrupt:
            children.end_group(process, _END)
            stopped = FlashError("flash.interrupted", "interrupted while the flash was being written", UNKNOWN_STATE)
            stopped.exit = Exit.INTERRUPTED
            raise stopped from None
        if code < 0:  # a script that stands for the programmer may have been ended without it
            children.end_group(process, 0)
        return Outcome(code, children.said(output, _OUTPUT))
