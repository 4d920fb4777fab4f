"""The ELF as the emulator needs it: bytes at their load addresses, symbols, and where code is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ..errors import ConfigError

_SHF_ALLOC, _SHF_EXECINSTR = 0x2, 0x4


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that programming the board writes at `address` (the physical, or load, address)."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Code:
    """A run of instructions, at the address it executes at."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        return self.address + len(self.data)


@dataclass(frozen=True)
class Image:
    """What is in an ELF file.

    segments   what is programmed
    sections   executable sections at the addresses they run at, literal pools included
    code       the instructions in them, literal pools left out
    symbols    name -> value; functions without the Thumb bit
    functions  (address, size, name), sorted by address; size 0 where the ELF does not tell
    """

    path: Path
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Code, ...]
    code: tuple[Code, ...]
    symbols: dict[str, int]
    functions: tuple[tuple[int, int, str], ...] = field(repr=False)

    def code_at(self, start: int, end: int) -> bytes:
        """What the image has at [start, end); less where no executable section holds all of it."""
        return next(
            (c.data[start - c.address : end - c.address] for c in self.sections if c.address <= start < c.end), b""
        )

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _, _ in self.functions]

    def locate(self, address: int) -> str:
        """ "function+0x10" for an address in a function, else ""."""
        at = bisect_right(self._starts, address) - 1
        if at < 0:
            return ""
        start, size, name = self.functions[at]
        if address - start >= (size or 0x10000):
            return ""
        return f"{name}+0x{address - start:x}" if address != start else name


def read_image(path: Path) -> Image:
    """Read an ELF file for Arm. ConfigError where it is not one."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            if elf["e_machine"] != "EM_ARM" or elf.elfclass != 32 or not elf.little_endian:
                raise ConfigError("emulator.elf", f"{path} is not a little-endian 32-bit Arm ELF file")
            return _read(path, elf)
    except (OSError, ELFError) as error:
        raise ConfigError("emulator.elf", f"cannot read {path} as an ELF file: {error}") from error


def _read(path: Path, elf: Any) -> Image:
    segments = tuple(
        Segment(s["p_paddr"], s.data()) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]
    )
    executable = [
        (index, s)
        for index, s in enumerate(elf.iter_sections())
        if s["sh_flags"] & _SHF_ALLOC and s["sh_flags"] & _SHF_EXECINSTR and s["sh_type"] == "SHT_PROGBITS"
    ]
    symbols: dict[str, int] = {}
    functions: dict[int, tuple[int, str]] = {}
    mapping: dict[int, list[tuple[int, str]]] = {}
    for table in elf.iter_sections():
        if not isinstance(table, SymbolTableSection):
            continue
        for symbol in table.iter_symbols():
            name, value = symbol.name, symbol["st_value"]
            kind, section = symbol["st_info"]["type"], symbol["st_shndx"]
            if section == "SHN_UNDEF":
                continue
            if name[:2] in ("$t", "$d", "$a") and (len(name) == 2 or name[2] == "."):
                if isinstance(section, int):
                    mapping.setdefault(section, []).append((value, name[1]))
                continue
            if kind == "STT_FUNC":
                value &= ~1
                if value not in functions or symbol["st_info"]["bind"] == "STB_GLOBAL":
                    functions[value] = (symbol["st_size"], name)
            if name:
                symbols.setdefault(name, value)
    sections = tuple(Code(s["sh_addr"], s.data()) for _, s in executable if s["sh_size"])
    code = tuple(
        run for index, s in executable for run in _instructions(s["sh_addr"], s.data(), sorted(mapping.get(index, [])))
    )
    ordered = tuple((start, *functions[start]) for start in sorted(functions))
    return Image(path, elf["e_entry"], segments, sections, code, symbols, ordered)


def _instructions(address: int, data: bytes, mapping: list[tuple[int, str]]) -> list[Code]:
    """The parts of a section between a $t and the next $d; the whole section where it has no mapping symbols."""
    if not mapping:
        return [Code(address, data)] if data else []
    runs: list[Code] = []
    bounds = [*(start for start, _ in mapping[1:]), address + len(data)]
    for (start, kind), end in zip(mapping, bounds, strict=True):
        if kind == "d" or end <= start:
            continue
        piece = data[start - address : end - address]
        if runs and runs[-1].end == start:
            runs[-1] = Code(runs[-1].address, runs[-1].data + piece)
        else:
            runs.append(Code(start, piece))
    return runs
