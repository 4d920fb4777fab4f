"""`edgekit inspect`, `boards` and `doctor` as functions."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from serial.tools import list_ports

from .. import boards as board_files
from .. import frontend
from ..boards import Board
from ..builder import toolchains
from ..config import project as projects
from ..results import BoardRow, BoardsResult, Check, DoctorResult, InspectResult

EXTRAS = {
    "unicorn": "emulator",
    "capstone": "emulator",
    "ziglang": "toolchain",
    "pillow": "images",
    "matplotlib": "plot",
}
PROGRAMS = {
    "openocd": ("openocd", "flash"),
    "gdb-multiarch": ("gdb-multiarch", "flash"),
    "qemu-system-arm": ("qemu-system-arm", "--emulate on QEMU's boards"),
}
"""Program -> Debian's package, and what it is for."""


def inspect(model: Path | str | None = None, *, start: Path | str = ".") -> InspectResult:
    """What a model consists of, and what of it is unsupported; works on models that `build` refuses."""
    path = Path(model) if model is not None else projects.require(Path(start)).model
    return InspectResult(frontend.inspect(path))


def boards(name: str | None = None, *, start: Path | str = ".") -> BoardsResult:
    """Every board, or the named one, each file validated on the way."""
    around = projects.find(Path(start))
    extra = around.parent / "boards" if around is not None else None
    chosen = board_files.load_all(extra=extra) if name is None else (board_files.load(name, extra=extra),)
    return BoardsResult(tuple(_row(b) for b in chosen))


def doctor() -> DoctorResult:
    """What is installed, what is missing, and the one command that gets it."""
    python = Check("python", sys.version_info >= (3, 11), sys.version.split()[0], "everything")
    found = toolchains.probe()
    compilers = [Check(t.name, True, t.version, "build") for t in found]
    if not found:
        remedy = "pip install 'edgekit[toolchain]'"
        compilers = [Check("toolchain", False, "neither arm-none-eabi-gcc nor ziglang", "build", remedy)]
    programmers = [_program(name, *what) for name, what in PROGRAMS.items()]
    return DoctorResult(
        (python, *compilers, *programmers, *(_package(n, e) for n, e in EXTRAS.items() if n != "ziglang"), *_ports())
    )


def _program(name: str, package: str, needed_for: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, False, "not on the PATH", needed_for, f"apt-get install {package}  (Debian's name)")
    return Check(name, True, path, needed_for)


def _package(name: str, extra: str) -> Check:
    needed_for = {"emulator": "--emulate", "images": "run --input picture", "plot": "plan --plot"}[extra]
    try:
        return Check(name, True, metadata.version(name), needed_for)
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", needed_for, f"pip install 'edgekit[{extra}]'")


def _ports() -> list[Check]:
    checks = []
    for port in list_ports.comports():
        accessible = os.access(port.device, os.R_OK | os.W_OK)
        remedy = "" if accessible else f"sudo usermod -aG $(stat -c %G {port.device}) $USER, then log in again"
        found = port.description if accessible else f"{port.description}: no permission"
        checks.append(Check(port.device, accessible, found, "boards", remedy))
    return checks or [Check("serial ports", True, "none", "boards")]


def _row(board: Board) -> BoardRow:
    def total(kind: str) -> int:
        return sum(m.size for m in board.memory if m.kind == kind)

    status = board_files.status(board)
    return BoardRow(board.name, board.aliases, board.title, board.mcu.core, status, total("ram"), total("flash"))
