"""What a programmer is asked to do, and what a runner is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..boards import Board
from ..errors import FlashError

GDB_SERVER = "localhost:3333"
"""Where OpenOCD's gdb server listens unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class FlashJob:
    """One image for one board.

    verify  read everything back and compare
    server  HOST:PORT of the gdb server, for runners that use one
    """

    elf: Path
    board: Board
    verify: bool = True
    server: str = GDB_SERVER


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a programmer ended: its exit code, negative for the signal that ended it, and all that it said."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that can write a board's flash.

    name      as board files and --runner name it
    programs  what it is called on the PATH, the best first
    remedy    how to get it
    argv      the whole command for (job, program)
    searches  it takes the first probe that it finds, instead of the one that it is told
    judge     what an outcome means: None for success, which takes evidence in the output and not the exit code alone
    """

    name: str
    programs: tuple[str, ...]
    remedy: str
    argv: Callable[[FlashJob, str], tuple[str, ...]]
    searches: bool
    judge: Callable[[FlashJob, Outcome], FlashError | None]
