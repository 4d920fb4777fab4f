"""Find and read board files. Every mistake in one is a ConfigError with the file, the line and a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from edgekit_codegen.memory.plan import OUTSIDE

from .. import resources
from ..config import toml
from ..config.toml import Document
from ..errors import ConfigError
from .types import QEMU_MACHINES, SHARED, Board, Memory

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PIN = re.compile(r"P[A-K](1[0-5]|[0-9])")
_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_REGION = re.compile(r"[a-z][a-z0-9_]*")
_CORES = ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "host")
_MAX_ARENAS = 4  # EK_MAX_REGIONS


def load(name: str, *, extra: Path | None = None) -> Board:
    """The board of that name or alias; `extra` is a further folder of board files, which may not redefine a name."""
    boards = load_all(extra=extra)
    known = {key: board for board in boards for key in (board.name, *board.aliases)}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    raise ConfigError("board.unknown", f"no board is called {name!r}", f"{guess}`edgekit boards` lists them")


def load_all(*, extra: Path | None = None) -> tuple[Board, ...]:
    """Every board, sorted by name; ConfigError where a file is wrong or two boards share a name."""
    boards = [read(path) for path in _files(extra)]
    owner: dict[str, Board] = {}
    for board in boards:
        for key in (board.name, *board.aliases):
            if key in owner:
                raise ConfigError(
                    "board.duplicate",
                    f"{board.path}: the name {key!r} is taken by {owner[key].path}",
                    "every name and alias belongs to one board: rename one of them",
                )
            owner[key] = board
    return tuple(sorted(boards, key=lambda b: b.name))


def _files(extra: Path | None) -> Iterator[Path]:
    for folder in (resources.boards(), extra):
        if folder is not None and folder.is_dir():
            yield from sorted(folder.glob("*.toml"))


def read(path: Path) -> Board:
    """Read and validate one file."""
    document = toml.read(path)
    if "path" in document.data:
        raise document.error(("path",), "unknown key", code="config.key")
    board = replace(toml.decode(document, Board), path=path)
    _check(document, board)
    return board


def _check(document: Document, board: Board) -> None:
    for key, name in (("name", board.name), *(("aliases", alias) for alias in board.aliases)):
        if not _NAME.fullmatch(name):
            raise document.error((key,), f"{name!r} is no name", "use lower case letters, digits, '-', '_' and '.'")
    if board.mcu.core not in _CORES:
        raise document.error(("mcu", "core"), f"is {board.mcu.core!r}", f"one of: {', '.join(_CORES)}")
    _check_port(document, board)
    _check_memories(document, board)
    _check_emulator(document, board)
    for key, pin in (("tx", board.serial.tx), ("rx", board.serial.rx)):
        if pin and not _PIN.fullmatch(pin):
            raise document.error(("serial", key), f"{pin!r} is no pin", 'a pin is a port and a number, as "PA9"')
    if board.serial.baud <= 0:
        raise document.error(("serial", "baud"), "must be positive")
    for usb in board.detect.usb:
        if not _USB.fullmatch(usb):
            raise document.error(("detect", "usb"), f"{usb!r} is no USB identity", 'as "0483:374b", in lower case')


def _check_port(document: Document, board: Board) -> None:
    ports = resources.firmware() / "ports"
    known = sorted(p.name for p in ports.iterdir() if p.is_dir() and p.name not in SHARED) if ports.is_dir() else []
    if board.build.port not in known:
        close = difflib.get_close_matches(board.build.port, known, n=1, cutoff=0.0)
        hint = f"did you mean {close[0]}? There are: {', '.join(known)}" if close else ""
        raise document.error(("build", "port"), f"no port is called {board.build.port!r}", hint)


def _check_emulator(document: Document, board: Board) -> None:
    engine, machine = board.emulator.engine, board.emulator.machine
    if engine != "qemu":
        if machine:
            raise document.error(("emulator", "machine"), f'is for the engine "qemu", not for "{engine}"')
        return
    if machine not in QEMU_MACHINES:
        close = difflib.get_close_matches(machine, QEMU_MACHINES, n=1, cutoff=0.0)
        said = f"{machine!r} is no machine that a port exists for" if machine else "is missing: QEMU's machine"
        key = ("emulator", "machine") if machine else ("emulator", "engine")
        raise document.error(key, said, f"did you mean {close[0]}? There are: {', '.join(QEMU_MACHINES)}")
    if board.mcu.core != QEMU_MACHINES[machine]:
        raise document.error(("mcu", "core"), f"is {board.mcu.core!r}", f"{machine} has a {QEMU_MACHINES[machine]}")
    if board.emulator.peripherals:
        raise document.error(("emulator", "peripherals"), "are the machine's own with QEMU", "remove the key")


def _check_memories(document: Document, board: Board) -> None:
    seen: set[str] = set()
    for i, memory in enumerate(board.memory):
        if not _REGION.fullmatch(memory.name) or memory.name in seen:
            problem = "is used twice" if memory.name in seen else "is no name: lower case letters, digits and '_'"
            raise document.error(("memory", i, "name"), f"{memory.name!r} {problem}")
        seen.add(memory.name)
        if memory.size <= 0:
            raise document.error(("memory", i, "size"), "must be positive")
        for key, base in (("origin", memory.origin), *(("alias", a) for a in memory.alias)):
            if base < 0 or base % 32:
                raise document.error(("memory", i, key), f"{base:#x} is not a multiple of 32")
            if base + memory.size > 1 << 32:
                raise document.error(("memory", i, key), "the memory ends beyond 32 bits of address")
        if memory.wait_states < 0:
            raise document.error(("memory", i, "wait_states"), "must not be negative")
    _check_overlap(document, board.memory)
    _check_uses(document, board)


def _check_overlap(document: Document, memories: tuple[Memory, ...]) -> None:
    spans = [(i, m, base) for i, m in enumerate(memories) for base in (m.origin, *m.alias)]
    for (_, a, low), (j, b, other) in combinations(spans, 2):
        if low < other + b.size and other < low + a.size:
            raise document.error(
                ("memory", j, "origin"),
                f"{b.name} ({other:#x}..{other + b.size:#x}) overlaps {a.name} ({low:#x}..{low + a.size:#x})",
            )


def _check_uses(document: Document, board: Board) -> None:
    arenas = sum("arena" in m.use for m in board.memory)
    if not 1 <= arenas <= _MAX_ARENAS:
        raise document.error(("memory",), f"{arenas} memories are for the arena", f"mark 1 to {_MAX_ARENAS} of them")
    for i, memory in enumerate(board.memory):
        if memory.name == OUTSIDE:
            said = f"{OUTSIDE!r} is what generated code calls an input beside the arena"
            raise document.error(("memory", i, "name"), said, "give the memory another name")
        if memory.kind == "flash" and set(memory.use) - {"code"}:
            raise document.error(("memory", i, "use"), 'flash holds nothing but "code"')
    if board.is_host:
        return
    if not any(m.kind == "flash" for m in board.memory):
        raise document.error(("memory",), "no memory is flash", "the firmware has to be somewhere")
    for use in ("stack", "data"):
        users = [m for m in board.memory if use in m.use]
        if len(users) != 1:
            raise document.error(("memory",), f'{len(users)} memories have the use "{use}"', "exactly one must")
        if use == "stack" and (board.build.stack <= 0 or board.build.stack % 32 or board.build.stack >= users[0].size):
            raise document.error(
                ("build", "stack"),
                f"is {board.build.stack}",
                f"a multiple of 32, smaller than {users[0].name} ({users[0].size} bytes)",
            )
