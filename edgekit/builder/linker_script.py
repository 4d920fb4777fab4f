"""The linker script of a board: its memories, from its file and nowhere else, around the sections of the family."""

from __future__ import annotations

from collections.abc import Sequence

from ..boards import Board
from ..boards.types import Memory
from .fast_code import NOWHERE, FastCode

GENEROUS = 64
"""How many times larger memories are made to measure an image that does not fit."""


def linker_script(
    board: Board, template: str, arenas: Sequence[str], fast: FastCode | None = None, generous: bool = False
) -> str:
    """The script as text.

    template  firmware/ports/cortex_m/sections.ld
    arenas    names of the memories that hold a part of the arena
    fast      code that runs from a RAM
    generous  memories of GENEROUS times their size, to learn how much too large an image is
    """
    flash = next(m for m in board.memory if m.kind == "flash" and "code" in m.use)
    factor = GENEROUS if generous else 1
    lines = [
        f"/* {board.name}: generated from the board's file. */",
        "MEMORY",
        "{",
        _memory("code", "rx", flash.runs_at, flash.size * factor),
        _memory("load", "r", flash.origin, flash.size * factor),
    ]
    rams = [m for m in board.memory if m.kind == "ram"]
    lines += [_memory(m.name, "rwx", m.origin, m.size * factor) for m in rams]
    lines += ["}", ""]
    sections = [text for memory in rams for text in _ram_sections(board, memory, memory.name in arenas)]
    filled = {
        "@RAM_SECTIONS@\n": "\n".join(sections),
        "@CODE_SECTION@\n": NOWHERE if fast is None else fast.output(),
        "@TEXT_ADDRESS@": "" if fast is None else fast.address(),
    }
    for mark, text in filled.items():
        template = template.replace(mark, text)
    return "\n".join(lines) + template


def _memory(name: str, attributes: str, origin: int, size: int) -> str:
    return f"    {name} ({attributes}) : ORIGIN = {origin:#010x}, LENGTH = {size:#x}"


def _ram_sections(board: Board, memory: Memory, arena: bool) -> list[str]:
    """The sections of one RAM, lowest address first. The stack comes lowest, so that where nothing lies below the
    memory an overflow faults instead of overwriting the arena."""
    parts = []
    if "stack" in memory.use:
        parts.append(_STACK.format(name=memory.name, bytes=board.build.stack))
    if "data" in memory.use:
        parts.append(_DATA.format(name=memory.name))
    if arena:
        parts.append(_ARENA.format(name=memory.name))
    return parts


_STACK = """\
    .stack (NOLOAD) :
    {{
        . = ALIGN(8);
        __ek_stack_low = .;
        . += {bytes};
        __ek_stack_high = .;
    }} > {name}
"""

_DATA = """\
    .data :
    {{
        . = ALIGN(8);
        __ek_data_start = .;
        *(.data .data.*)
        . = ALIGN(8);
        __ek_data_end = .;
    }} > {name} AT> load
    __ek_data_load = LOADADDR(.data);

    .bss (NOLOAD) :
    {{
        . = ALIGN(8);
        __ek_bss_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(8);
        __ek_bss_end = .;
    }} > {name}

    .noinit (NOLOAD) :
    {{
        . = ALIGN(8);
        *(.noinit .noinit.*)
        . = ALIGN(8);
    }} > {name}
"""

_ARENA = """\
    .arena.{name} (NOLOAD) :
    {{
        . = ALIGN(32);
        KEEP(*(.arena.{name}))
        . = ALIGN(32);
    }} > {name}
"""
