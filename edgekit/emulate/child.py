"""The process that an emulated board lives in.

It writes one JSON object a line on stdout: ready (port), inference (instructions, cycles), reset, fault (report), error
(type, code, message, hint), synced (id). On stdin it takes "sync <id>" lines, and ends with the end of stdin, so that
it never outlives the process that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import boards
from ..errors import EdgekitError
from .classes import Cycles
from .counters import Marks
from .engines import require
from .faults import Halted
from .image import read_image
from .machine import Machine
from .terminal import Terminal

EXIT_FAULT = 3
_PR_SET_PDEATHSIG = 1


class _Child:
    def __init__(self, elf: Path, board: boards.Board, cycles: Cycles | None, stall: float) -> None:
        self._commands = b""
        self._hz = board.mcu.clock_hz
        self._terminal = Terminal(sys.stdin.fileno(), self._control, self._idle, self._traffic)
        self._machine = Machine(
            read_image(elf),
            board,
            self._terminal,
            cycles=cycles,
            on_marks=self._marks,
            on_reset=lambda: _tell(event="reset"),
            on_slice=self._look,
            stall=stall,
        )

    def run(self) -> None:
        _tell(event="ready", port=self._terminal.port)
        try:
            self._machine.run()
        finally:
            self._terminal.flush()

    def _traffic(self) -> None:
        self._machine.alive()

    def _idle(self, seconds: float) -> None:
        self._machine.idle(int(seconds * self._hz))

    def _marks(self, marks: Marks) -> None:
        _tell(event="inference", instructions=marks.instructions, cycles=marks.cycles)

    def _look(self) -> None:
        self._terminal.flush()
        if select.select([sys.stdin], [], [], 0)[0]:
            self._control()

    def _control(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            self._machine.stop()
        self._commands += data
        *lines, self._commands = self._commands.split(b"\n")
        for line in lines:
            word, _, argument = line.decode("ascii", "replace").partition(" ")
            if word == "sync":
                _tell(event="synced", id=argument)


def _tell(**event: Any) -> None:
    """Write an event; one whose reader is gone is dropped, as the end of stdin follows."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def _end_with_parent() -> None:
    """On Linux at once, even while the firmware computes; elsewhere the end of stdin is noticed within a second."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edgekit.emulate", description="Run an image on an emulated board.")
    parser.add_argument("--elf", type=Path, required=True)
    parser.add_argument("--board", required=True, help="a board's name, or the path of a board file")
    parser.add_argument("--cycles", help="instruction class -> cycles, as a JSON object", default="null")
    parser.add_argument("--stall", type=float, default=30.0, help="seconds of computing without a sign of life")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's business, and stdin's end follows
    _end_with_parent()
    try:
        require()
        board = boards.read(Path(options.board)) if options.board.endswith(".toml") else boards.load(options.board)
        _Child(options.elf, board, json.loads(options.cycles), options.stall).run()
    except Halted as halted:
        _tell(event="fault", report=halted.report.to_json())
        return EXIT_FAULT
    except EdgekitError as error:
        _tell(event="error", type=type(error).__name__, code=error.code, message=error.message, hint=error.hint)
        return int(error.exit)
    return 0
