"""What a build makes: the files, and every byte of every memory accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..boards import Board
from .elf import Image


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """One memory of the board.

    used, size  bytes; `used` is the sum of the parts
    parts       "code", "weights", "constants", "data" in flash; "arena", "input" (where it lies beside the arena),
                "data", "bss", "stack" and "code" in RAM
    """

    name: str
    kind: str
    used: int
    size: int
    parts: Mapping[str, int]

    @property
    def overflow(self) -> int:
        return max(self.used - self.size, 0)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A firmware image, or the agent as a program of this machine.

    bin, hex, map  None on the host
    toolchain      name and version
    build_id       hex digits; the image answers HELLO with it
    flash_bytes    what is programmed: code + weights + constants + initial values of data
    code_bytes     instructions and the vector table
    weights_bytes  the model's read-only data
    arena_bytes    the model's buffers over all memories
    data_bytes     variables with an initial value
    bss_bytes      variables without one, with the fault handler's stack
    stack_bytes    bound on the stack; None on the host
    stack_how      the chain of calls that needs it, with each function's frame
    sram_bytes     arena + input beside it + data + bss + stack; not code that runs from RAM
    cached         nothing had to be compiled or linked
    seconds        wall time of the build
    library        which CMSIS-NN it holds, "" for none
    """

    elf: Path
    bin: Path | None
    hex: Path | None
    map: Path | None
    board: str
    toolchain: str
    build_id: str
    flash_bytes: int
    code_bytes: int
    weights_bytes: int
    arena_bytes: int
    data_bytes: int
    bss_bytes: int
    stack_bytes: int | None
    stack_how: str
    sram_bytes: int
    memories: tuple[MemoryUse, ...]
    cached: bool
    seconds: float
    library: str = ""


def memory_table(board: Board, image: Image, stack_bytes: int) -> tuple[MemoryUse, ...]:
    """Use of each memory of the board, in the file's order. The stack counts with its bound."""
    flash = next(m for m in board.memory if m.kind == "flash" and "code" in m.use)
    copied = {m.name: image.size(f".code.{m.name}") for m in board.memory}
    rows = []
    for memory in board.memory:
        parts: dict[str, int] = {}
        if memory == flash:
            parts = {
                "code": image.size(".vectors") + image.size(".text") + sum(copied.values()),
                "weights": image.size(".weights"),
                "constants": image.size(".rodata"),
                "data": image.size(".data"),
            }
        elif memory.kind == "ram":
            if "code" in memory.use:
                parts["code"] = copied[memory.name]
            if "arena" in memory.use:
                parts["arena"] = image.size(f".arena.{memory.name}")
                if size := image.size(f".input.{memory.name}"):
                    parts["input"] = size
            if "data" in memory.use:
                parts["data"] = image.size(".data")
                parts["bss"] = image.size(".bss") + image.size(".noinit")
            if "stack" in memory.use:
                parts["stack"] = stack_bytes
        rows.append(MemoryUse(memory.name, memory.kind, sum(parts.values()), memory.size, parts))
    return tuple(rows)


def format_table(rows: tuple[MemoryUse, ...]) -> str:
    """The memories as text, one line each, for error messages."""
    lines = []
    for row in rows:
        parts = ", ".join(f"{name} {size}" for name, size in row.parts.items() if size)
        over = f"  {row.overflow} too many" if row.overflow else ""
        lines.append(f"  {row.name:<8} {row.used:>8} of {row.size:>8}  {parts}{over}")
    return "\n".join(lines)
