"""Firmware that breaks one rule of the emulated board, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.emulate.faults import FaultReport, Halted
from edgekit.emulate.rules import FaultKind, Rule

from . import bare_metal
from .bare_metal import F746, Part


@dataclass(frozen=True)
class Firmware:
    """A few lines of C in a function called `culprit`, and the fault that they are.

    rule       what they break
    code       the body of `culprit`
    address    the address that the report names; None where it is not about one
    says       a part of the message
    around     C in front of `culprit`
    where      the function that the report names
    core, fpu  what it runs on, where that is not the part's
    built_for  core and fpu that it is compiled for, where they are not those it runs on
    vectors    the vector table's two words
    script     an edit of the linker script: (old, new)
    """

    rule: Rule
    code: str = ""
    address: int | None = None
    says: str = ""
    around: str = ""
    where: str = "culprit"
    part: Part = F746
    core: str = ""
    fpu: str = "single"
    built_for: tuple[str, str] | None = None
    vectors: str = ""
    script: tuple[str, str] = ("", "")

    def source(self) -> str:
        """What the core lacks is found before anything runs, so that code is never called."""
        call = "" if self.rule.kind is FaultKind.INSTRUCTION else "culprit();"
        attribute = "" if "culprit(" in self.around else "NOINLINE "
        body = f"{attribute}void culprit(void) {{ {self.code} }}"
        return f"{self.around}\n{body}\nvoid test(void) {{ {call} }}\n"

    def fault(self, folder: Path) -> FaultReport:
        """Compile it, run it, and return what stopped it."""
        prelude = self.part.prelude.replace("{stack_top, reset}", self.vectors or "{stack_top, reset}")
        try:
            ran = bare_metal.run(
                self.source(),
                folder,
                part=self.part,
                core=self.core,
                fpu=self.fpu,
                built_for=self.built_for,
                stall=0.3,
                prelude=prelude,
                script=bare_metal.SCRIPT.replace(*self.script),
            )
        except Halted as halted:
            return halted.report
        assert ran.fault is not None
        return ran.fault


def asm(*lines: str) -> str:
    """Instructions that may use r0 to r3."""
    text = "\\n".join(lines)
    return f'__asm volatile("{text}" ::: "r0", "r1", "r2", "r3", "memory");'


def at(address: int, *lines: str) -> str:
    """Instructions with an address in r0; one that any core can load."""
    return asm(f"ldr r0, 1f\\n b 2f\\n .align 2\\n 1: .word {address:#x}\\n 2:", *lines)
