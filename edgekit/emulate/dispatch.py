"""Which engine emulates a board: what its file says."""

from __future__ import annotations

from pathlib import Path

from ..boards import Board
from . import process, qemu
from .classes import Cycles


def start(
    elf: Path, board: Board, *, cycles: Cycles | None = None, timeout: float = 30.0
) -> process.EmulatedBoard | qemu.QemuBoard:
    """Run an image on the emulated board, in a child process, and return when its serial port can be opened.

    elf      the very file that would be flashed
    board    its description, read from a file
    cycles   instruction class -> cycles, for estimates; None without. QEMU gives none
    timeout  seconds to wait for the emulator at any one time
    """
    if board.emulator.engine == "qemu":
        return qemu.QemuBoard(elf, board)
    return process.start(elf, board, cycles=cycles, timeout=timeout)
