"""The linker script of a board: its memories, from its file and nowhere else, around the sections of the family."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..boards import Board
from ..boards.types import Memory
from .fast_code import NOWHERE, FastCode
from .image import Arena

GENEROUS = 64
"""How many times larger memories are made to measure an image that does not fit."""


def linker_script(
    board: Board, template: str, arenas: Sequence[Arena], fast: FastCode | None = None, generous: bool = False
) -> str:
    """The script as text.

    template  firmware/ports/cortex_m/sections.ld
    arenas    the parts of the arena, and an input beside it
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
    held = {arena.section for arena in arenas}
    sections = [text for memory in rams for text in _ram_sections(board, memory, held)]
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


def _ram_sections(board: Board, memory: Memory, held: Collection[str]) -> list[str]:
    """The sections of one RAM, lowest address first. The stack comes lowest, so that where nothing lies below the
    memory an overflow faults instead of overwriting the arena. held: the sections of arenas."""
    parts = []
    if "stack" in memory.use:
        parts.append(_STACK.format(name=memory.name, bytes=board.build.stack))
    if "data" in memory.use:
        parts.append(_DATA.format(name=memory.name))
    for section in (f".arena.{memory.name}", f".input.{memory.name}"):
        if section in held:
            parts.append(_ARENA.format(section=section, name=memory.name))
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
    {section} (NOLOAD) :
    {{
        . = ALIGN(32);
        KEEP(*({section}))
        . = ALIGN(32);
    }} > {name}
"""
