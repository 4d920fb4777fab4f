"""The emulated board, seen from the process that uses it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .. import children, errors
from ..boards import Board
from ..errors import ConfigError, DeviceError, EdgekitError, LinkError
from .classes import Cycles
from .counters import Marks
from .engines import require
from .faults import FaultReport

_END = 2.0  # seconds that the child gets to end by itself


class EmulatedBoard:
    """A board emulated in a child process.

    port  what a host opens as its serial port

    Raises from the constructor: ToolchainError without unicorn and capstone, ConfigError for a board or an image that
    cannot be emulated, LinkError("device.fault") where the image cannot start on the board's core, DeviceError where
    the child dies.
    """

    def __init__(self, elf: Path, board: Board, cycles: Cycles | None, timeout: float) -> None:
        require()
        if not board.path.is_file():
            raise ConfigError("emulator.board", f"{board.name} was not read from a file, which the emulator needs")
        self._timeout = timeout
        self._marks: Marks | None = None
        self._fault: FaultReport | None = None
        self._resets = 0
        self._synced = 0
        self._closed = False
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self._process = subprocess.Popen(
            _command(elf, board, cycles),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self._pump = threading.Thread(target=self._read_events, name="edgekit-emulator-events", daemon=True)
        self._pump.start()
        try:
            self.port = self._wait_for("ready", timeout)["port"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> EmulatedBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def resets(self) -> int:
        """How often the firmware has reset the board so far."""
        self._sync()
        return self._resets

    def marks(self) -> Marks | None:
        """Per-layer counts of the last inference that ended; None before the first.

        DeviceError where the emulator has died, LinkError where it stopped on a fault.
        """
        self._sync()
        return self._marks

    def fault(self) -> FaultReport | None:
        """What stopped the board; None while it runs. DeviceError where the emulator has died for another reason."""
        try:
            self._sync()
        except LinkError:
            if self._fault is None:
                raise
        return self._fault

    def close(self) -> None:
        """End the emulator. May be called again."""
        if self._closed:
            return
        self._closed = True
        assert self._process.stdout is not None
        children.close(self._process, _END)
        self._pump.join(_END)
        self._process.stdout.close()
        self._stderr.close()

    def _sync(self) -> None:
        """Take in every event up to now."""
        assert self._process.stdin is not None
        self._synced += 1
        with contextlib.suppress(OSError, ValueError):  # a child that is gone is told by the end of its events
            self._process.stdin.write(f"sync {self._synced}\n")
            self._process.stdin.flush()
        while self._wait_for("synced", self._timeout)["id"] != str(self._synced):
            pass

    def _wait_for(self, name: str, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DeviceError(
                    "emulator.timeout", f"the emulated board did not answer within {timeout:g} s", "raise --timeout"
                ) from None
            if event is None:
                self._events.put(None)  # the end stays the end
                raise self._ended()
            self._take(event)
            if event["event"] == name:
                return event

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "inference":
            cycles = event["cycles"]
            self._marks = Marks(tuple(event["instructions"]), None if cycles is None else tuple(cycles), True)
        elif event["event"] == "reset":
            self._resets += 1
        elif event["event"] == "fault":
            self._fault = FaultReport.from_json(event["report"])
        elif event["event"] == "error":
            kind = getattr(errors, event["type"])
            raise kind(event["code"], event["message"], event["hint"])

    def _ended(self) -> EdgekitError:
        if self._fault is not None:
            return self._fault.error()
        if self._closed:
            return DeviceError("emulator.closed", "the emulated board was closed")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
        how = children.how_it_ended(self._process.returncode)
        said = children.said(self._stderr, 2000).strip()
        return DeviceError(
            "emulator.died",
            f"the emulator process {how}" + (f", saying: {said}" if said else ""),
            "nothing is left running: run the command again",
        )

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                self._events.put(json.loads(line))
        self._events.put(None)


def _command(elf: Path, board: Board, cycles: Cycles | None) -> list[str]:
    table = json.dumps(None if cycles is None else dict(cycles))
    return [
        sys.executable,
        *("-P", "-m", "edgekit.emulate"),  # -P and PYTHONPATH: this very edgekit, whatever lies in the current folder
        *("--elf", str(elf)),
        *("--board", str(board.path)),
        *("--cycles", table),
    ]


def start(elf: Path, board: Board, *, cycles: Cycles | None = None, timeout: float = 30.0) -> EmulatedBoard:
    """Run an image on an emulated board, in a child process, and return when its serial port can be opened.

    elf      the very file that would be flashed
    board    its description, read from a file: the child reads it again
    cycles   instruction class -> cycles, for estimates; None without
    timeout  seconds to wait for the child at any one time
    """
    return EmulatedBoard(elf, board, cycles, timeout)
