"""Code that runs from RAM of its own: the model's, or its kernels alone, where the board's file offers a memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from ..boards import Board
from ..boards.types import Memory

PATTERNS = (".text .text.*", ".text.ek_*")
"""The sections of a model's objects that move, in a linker script's words: all code, or kernels that layers share."""

RESERVED = 32
"""Bytes at the memory's begin that stay free: at address 0 nothing may be called."""

_SECTION = """\
    .code.{name} (ORIGIN({name}) + {reserved}) :
    {{
        __ek_code_start = .;
        */model/*.o({pattern})
        . = ALIGN(32);
        __ek_code_end = .;
    }} > {name} AT> load
    __ek_code_load = LOADADDR(.code.{name});
"""


@dataclass(frozen=True, slots=True)
class FastCode:
    """memory  that holds it; pattern  of PATTERNS"""

    memory: str
    pattern: str

    @property
    def section(self) -> str:
        return f".code.{self.memory}"

    def output(self) -> str:
        """Its output section. What follows in flash lies behind what is copied from there."""
        return _SECTION.format(name=self.memory, reserved=RESERVED, pattern=self.pattern)

    def address(self) -> str:
        """Where the code that stays begins, so that its two addresses remain as far apart as those of the vectors."""
        return f"(ADDR(.vectors) + SIZEOF(.vectors) + SIZEOF({self.section})) "


NOWHERE = "    __ek_code_load = 0;\n    __ek_code_start = 0;\n    __ek_code_end = 0;\n"
"""The symbols of an image without such code."""


def memory_for_code(board: Board) -> Memory | None:
    """The RAM that the board's file names for code."""
    return next((m for m in board.memory if m.kind == "ram" and "code" in m.use), None)


def fast_code(board: Board, objects: Sequence[Path]) -> FastCode | None:
    """As much of the model's code as certainly fits; None where the board has no such memory, or kernels alone do not
    fit. objects: the model's; what the linker leaves out of them counts."""
    memory = memory_for_code(board)
    if memory is None:
        return None
    sizes = [found for path in objects for found in _text(path)]
    for pattern in PATTERNS:
        some = sum(size for name, size in sizes if name.startswith(pattern.split()[0].rstrip("*")))
        if some + RESERVED <= memory.size:
            return FastCode(memory.name, pattern)
    return None


def _text(path: Path) -> Iterator[tuple[str, int]]:
    """The sections of code in an object, and their bytes with what aligns them."""
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section.name.startswith(".text"):
                align = max(section["sh_addralign"], 1)
                yield section.name, section["sh_size"] + align - 1
