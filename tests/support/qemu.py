"""Boards that QEMU emulates, for tests; without QEMU they are skipped visibly."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from edgekit import boards
from edgekit.boards import Board
from edgekit.emulate.qemu import PROGRAM
from edgekit_codegen.emit import Sources
from support.handmade import INPUT_BYTES, tiny

DATA = bytes(range(INPUT_BYTES))
BOARDS = ("mps2-an386", "mps2-an500", "mps3-an547", "netduinoplus2")


def require_qemu() -> str:
    """QEMU's path, where it is installed."""
    found = shutil.which(PROGRAM)
    if found is None:
        pytest.skip(f"{PROGRAM} is not on the PATH")
    return found


def board_for_tiny(name: str) -> Board:
    """The board; where it has one memory for arenas, its upper half is another, as the handmade model needs two."""
    board = boards.load(name)
    *others, last = [m for m in board.memory if "arena" in m.use]
    if others:
        return board
    half = last.size // 2
    upper = dataclasses.replace(last, name="upper", origin=last.origin + half, size=half, use=("arena",))
    memory = tuple(dataclasses.replace(m, size=half) if m == last else m for m in board.memory)
    return dataclasses.replace(board, memory=(*memory, upper))


def sources_for(board: Board) -> Sources:
    """The handmade model, in the board's memories for arenas."""
    first, second = boards.target(board).regions
    return tiny(names=(first.name, second.name))


def in_the_second_layer(sources: Sources, statement: str) -> Sources:
    """The handmade model with a C statement at the start of its second layer."""
    start = "    const int8_t *in = ctx->region[1];\n"
    text = sources.files["tiny.c"]
    assert text.count(start) == 1
    return dataclasses.replace(
        sources, files={**sources.files, "tiny.c": text.replace(start, f"{start}    {statement}\n")}
    )
