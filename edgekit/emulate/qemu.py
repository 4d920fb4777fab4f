"""QEMU as the emulated board: a machine of its own, independent of the other engine, that runs the same image.

QEMU's clock is made to advance by a fixed time per instruction, so that the ticks of a timer of the machine, which the
firmware reads at every layer's mark, count instructions.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ..boards import Board
from ..errors import ConfigError, DeviceError, ToolchainError
from .counters import Marks

PROGRAM = "qemu-system-arm"
SHIFT = 8
"""An instruction takes 2**SHIFT ns: several ticks of a 25 or 32 MHz timer, so that a tick more or less does not change
the rounded count, while 32 bits of ticks still span at least 524 million instructions."""

_FAST_TIMERS = {"netduinoplus2": (10**9, 3)}
"""Machines whose timer runs at a rate of its own, whatever the firmware set: that rate in Hz, and what takes SHIFT's
place: 8 ticks an instruction, 537 million instructions."""

_END = 2.0  # seconds that QEMU gets to end by itself
_DYING = 0.2  # seconds between the line breaking and the process being gone, at most

# Runs QEMU in its own place, after asking Linux to end it together with the thread that started it.
_ENDING_WITH_PARENT = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "sys.exit(1) if os.getppid() != int(sys.argv[1]) else os.execv(sys.argv[2], sys.argv[2:])\n"
)


class QemuBoard:
    """A board emulated by QEMU, whose UART is a pseudo-terminal.

    port  what a host opens as its serial port

    Raises from the constructor: ToolchainError without QEMU, ConfigError for a board without a machine, DeviceError
    where there are no pseudo-terminals.
    """

    def __init__(self, elf: Path, board: Board) -> None:
        program = require()
        if not board.emulator.machine:
            raise ConfigError("emulator.board", f"{board.name} names no machine of QEMU's")
        if sys.platform == "win32":
            raise DeviceError(
                "emulator.platform",
                "the emulated board needs pseudo-terminals, which Windows does not have",
                "run edgekit under WSL",
            )
        self._machine = board.emulator.machine
        self._closed = False
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        master, self._slave = _terminal()  # our end of the host's side keeps the line up while no host is there
        try:
            self.port = os.ttyname(self._slave)
            self._process = subprocess.Popen(
                _command(program, self._machine, elf), stdin=master, stdout=master, stderr=self._stderr
            )
        except BaseException:
            os.close(self._slave)
            self._stderr.close()
            raise
        finally:
            os.close(master)  # QEMU has the only one, so that the line breaks where QEMU dies

    def __enter__(self) -> QemuBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def marks(self, ticks: Sequence[int], tick_hz: int) -> Marks:
        """Per-layer counts of an inference from the ticks that the firmware reported, and the rate in Hz that it set.

        Each count includes some instructions of the layer's marks, as many for every layer of an image.
        DeviceError where QEMU has died.
        """
        self._check_alive()
        hz, shift = _FAST_TIMERS.get(self._machine, (tick_hz, SHIFT))
        per_instruction = hz * 2**shift
        return Marks(tuple(round(t * 10**9 / per_instruction) for t in ticks), None, True)

    def fault(self) -> None:
        """None: QEMU delivers exceptions, so that the firmware reports its faults itself. DeviceError where it died."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DYING)
        self._check_alive()

    def close(self) -> None:
        """End QEMU. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._process.terminate()
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._slave)
        self._stderr.close()

    def _check_alive(self) -> None:
        if self._closed:
            raise DeviceError("emulator.closed", "the emulated board was closed")
        code = self._process.poll()
        if code is None:
            return
        self._stderr.seek(0)
        said = self._stderr.read().decode("utf-8", "replace").strip()[-2000:]
        how = f"ended with exit code {code}" if code >= 0 else f"signal {-code}"
        raise DeviceError(
            "emulator.died",
            f"{PROGRAM} died ({how})" + (f", saying: {said}" if said else ""),
            "nothing is left running: run the command again",
        )


def require() -> str:
    """QEMU's path. ToolchainError with the way to get it, where it is not on the PATH."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise ToolchainError(
            "emulator.missing",
            f"this board is emulated by QEMU, and {PROGRAM} is not on the PATH",
            "Debian, Ubuntu: apt-get install qemu-system-arm; macOS: brew install qemu",
        )
    return found


def _terminal() -> tuple[int, int]:
    """Both ends of a pseudo-terminal that passes every byte as it is."""
    import termios
    import tty

    master, slave = os.openpty()
    with contextlib.suppress(termios.error):
        tty.setraw(slave)
        attributes = termios.tcgetattr(slave)
        attributes[1] = 0  # QEMU switches output processing on, so none may be left to do
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave


def _command(program: str, machine: str, elf: Path) -> list[str]:
    _, shift = _FAST_TIMERS.get(machine, (0, SHIFT))
    qemu = [
        program,
        *("-machine", machine),
        *("-nodefaults", "-no-user-config", "-nic", "none", "-display", "none", "-monitor", "none"),
        *("-icount", f"shift={shift}"),
        *("-chardev", "stdio,id=link,signal=off", "-serial", "chardev:link"),
        *("-kernel", str(elf)),
    ]
    if sys.platform != "linux":
        return qemu
    return [sys.executable, "-I", "-S", "-c", _ENDING_WITH_PARENT, str(os.getpid()), *qemu]
