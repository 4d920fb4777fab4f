"""Which line of source an instruction comes from, where the image was compiled with debug information."""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile


def source_line(elf: Path, pc: int) -> str:
    """ "file.c:12" for the instruction at pc, "" where the image does not tell."""
    with elf.open("rb") as file:
        image = ELFFile(file)
        if not image.has_dwarf_info():
            return ""
        dwarf = image.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            last = None
            for entry in program.get_entries():
                state = entry.state
                if state is None:
                    continue
                if last is not None and not last.end_sequence and last.address <= pc < state.address:
                    first = 0 if program.header.version >= 5 else 1  # how file numbers begin
                    name = program.header.file_entry[last.file - first].name
                    return f"{name.decode('utf-8', 'replace')}:{last.line}"
                last = state
    return ""
