"""What is read out of a linked image: sections, functions, and who takes whose address."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

_ABSOLUTE = {2, 38, 47, 48}
"""Relocations that put an address into a register or a word: R_ARM_ABS32, R_ARM_TARGET1, R_ARM_THM_MOVW_ABS_NC and
R_ARM_THM_MOVT_ABS (Arm's ELF supplement)."""


@dataclass(frozen=True, slots=True)
class Section:
    """An allocated section. `loaded` tells whether its bytes are in the image; .bss and the like take RAM alone."""

    name: str
    address: int
    size: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes to program, and the address they are programmed at."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the image; aliases share one, under the first name in alphabetical order.

    code, pool  (address, bytes) of its runs of instructions, and of literals between and behind them
    """

    name: str
    address: int
    size: int
    code: tuple[tuple[int, bytes], ...]
    pool: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A linked image.

    symbols  name -> value, the Thumb bit of functions cleared
    taken    addresses of functions that some code or data holds, the vector table excepted
    """

    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]
    functions: tuple[Function, ...]
    symbols: dict[str, int]
    taken: frozenset[int]

    def size(self, name: str) -> int:
        """Bytes of the named section, 0 where there is none."""
        return sum(s.size for s in self.sections if s.name == name)


def read_image(path: Path) -> Image:
    """Read an ELF that was linked with --emit-relocs."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = [
            (s.name, s["st_value"], s["st_size"], s["st_info"]["type"], s["st_shndx"]) for s in table.iter_symbols()
        ]
        sections = tuple(
            Section(s.name, s["sh_addr"], s["sh_size"], s["sh_type"] != "SHT_NOBITS")
            for s in elf.iter_sections()
            if s["sh_flags"] & 2 and s["sh_size"]
        )
        segments = tuple(
            Segment(s["p_paddr"], s.data()) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]
        )
        return Image(
            sections,
            segments,
            tuple(_functions(elf, symbols)),
            {name: value & ~1 if kind == "STT_FUNC" else value for name, value, _, kind, _ in symbols if name},
            frozenset(_taken(elf, table)),
        )


def _functions(elf: Any, symbols: list[tuple[str, int, int, str, Any]]) -> Iterator[Function]:
    marks: dict[int, list[tuple[int, bool]]] = {}
    found: dict[int, tuple[str, int, int]] = {}
    for name, value, size, kind, index in symbols:
        if not isinstance(index, int):
            continue
        if name[:2] in ("$t", "$d", "$a"):
            marks.setdefault(index, []).append((value, name[1] == "t"))
        elif kind == "STT_FUNC":
            address = value & ~1
            other, largest, _ = found.get(address, (name, 0, 0))
            found[address] = (min(name, other), max(size, largest), index)
    for kinds in marks.values():
        kinds.sort()
    contents = {index: elf.get_section(index) for index in {i for _, _, i in found.values()}}
    data = {index: (section["sh_addr"], section.data()) for index, section in contents.items()}
    for address, (name, size, index) in sorted(found.items()):
        base, content = data[index]
        code, pool = (
            tuple(
                (low, content[low - base : high - base])
                for low, high in _runs(marks.get(index, []), address, address + size, kind)
            )
            for kind in (True, False)
        )
        yield Function(name, address, size, code, pool)


def _runs(marks: list[tuple[int, bool]], low: int, high: int, code: bool) -> Iterator[tuple[int, int]]:
    """The parts of [low, high) that are instructions, or that are not, after the mapping symbols ($t code, $d data)."""
    at = bisect.bisect_right(marks, (low, True))
    thumb = marks[at - 1][1] if at else True
    while low < high:
        end = min(marks[at][0], high) if at < len(marks) else high
        if thumb == code and end > low:
            yield low, end
        if at < len(marks):
            thumb = marks[at][1]
        low, at = end, at + 1


def _taken(elf: Any, table: SymbolTableSection) -> Iterator[int]:
    for section in elf.iter_sections():
        if section["sh_type"] not in ("SHT_REL", "SHT_RELA") or section.name.endswith(".vectors"):
            continue
        for relocation in section.iter_relocations():
            if relocation["r_info_type"] in _ABSOLUTE:
                symbol = table.get_symbol(relocation["r_info_sym"])
                if symbol["st_info"]["type"] == "STT_FUNC":
                    yield symbol["st_value"] & ~1
