"""The board's memories in the engine's address space, filled as they are when power comes on."""

from __future__ import annotations

import ctypes
import random
from typing import Any

from ..boards import Board, Memory
from ..errors import ConfigError
from .engine import PAGE, PROT_EXEC, PROT_READ, PROT_WRITE, Engine
from .image import Image

_POWER_UP = 0x5EED


def map_memories(engine: Engine, board: Board, image: Image) -> None:
    """Map every memory of the board, at its aliases too, and program the image. ConfigError where it does not fit.

    Flash is erased (0xFF) where the image has nothing, and cannot be written. RAM holds arbitrary bytes, the same every
    time: firmware that relies on zeros should fail here. It is executable only where the image has code in it.
    """
    contents = {memory.name: _power_up(memory) for memory in board.memory}
    for segment in image.segments:
        memory = _holding(board, segment.address, len(segment.data))
        if memory is None:
            raise ConfigError(
                "emulator.load",
                f"{image.path.name} loads {len(segment.data)} bytes at 0x{segment.address:08x}, "
                f"where {board.name} has no memory",
            )
        offset = segment.address - _base(memory, segment.address)
        ctypes.memmove(ctypes.addressof(contents[memory.name]) + offset, segment.data, len(segment.data))
    for memory in board.memory:
        for base in (memory.origin, *memory.alias):
            engine.map(base, contents[memory.name], _protection(memory, base, image))


def memory_at(board: Board, address: int) -> Memory | None:
    """The memory that holds an address, under any of its aliases."""
    return _holding(board, address, 1)


def boot_address(board: Board) -> int:
    """Where the core finds its vector table after power-up: the flash, at the alias that it runs from."""
    flash = next((m for m in board.memory if m.kind == "flash"), None)
    if flash is None:
        raise ConfigError("emulator.board", f"{board.name} has no flash to boot from")
    return flash.runs_at


def _power_up(memory: Memory) -> Any:
    if memory.size % PAGE:
        raise ConfigError("emulator.board", f"memory {memory.name}: its size is no multiple of {PAGE} bytes")
    data = b"\xff" * memory.size if memory.kind == "flash" else random.Random(_POWER_UP).randbytes(memory.size)
    return (ctypes.c_uint8 * memory.size).from_buffer_copy(data)


def _protection(memory: Memory, base: int, image: Image) -> int:
    if memory.kind == "flash":
        return PROT_READ | PROT_EXEC
    holds_code = any(base <= code.address < base + memory.size for code in image.sections)
    return PROT_READ | PROT_WRITE | (PROT_EXEC if holds_code else 0)


def _holding(board: Board, address: int, size: int) -> Memory | None:
    for memory in board.memory:
        for base in (memory.origin, *memory.alias):
            if base <= address and address + size <= base + memory.size:
                return memory
    return None


def _base(memory: Memory, address: int) -> int:
    return next(b for b in (memory.origin, *memory.alias) if b <= address < b + memory.size)
