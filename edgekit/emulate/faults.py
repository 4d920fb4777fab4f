"""What stops an emulated board: the things that real silicon would not have done, and where they happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import LinkError
from .rules import FaultKind, Rule


@dataclass(frozen=True, slots=True)
class FaultReport:
    """One fault, with everything that the emulator knows of it.

    rule         what was broken
    message      the same in words, for people
    pc           address of the instruction that broke it
    function     the symbol that holds pc, with the offset in it, as "ek_conv2d_row+0x12"; "" without a symbol
    instruction  the instruction in assembly; "" where there is none
    address      the data address that was accessed; None where the fault is not about one
    layer        the model's layer in progress; None outside an inference
    source       the line of source at pc, as "startup.c:12"; "" where the image has no debug information
    registers    name -> value when the board stopped; empty where it never ran
    """

    rule: Rule
    message: str
    pc: int
    function: str = ""
    instruction: str = ""
    address: int | None = None
    layer: int | None = None
    source: str = ""
    registers: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> FaultKind:
        return self.rule.kind

    def __str__(self) -> str:
        return self.describe(())

    def describe(self, layers: Sequence[str]) -> str:
        """One line, with the layer's name where `layers` has it."""
        pc = f"pc 0x{self.pc:08x}" + (f", {self.source}" if self.source else "")
        where = f"in {self.function} ({pc})" if self.function else f"at {pc}"
        name = f" ({layers[self.layer]})" if self.layer is not None and self.layer < len(layers) else ""
        layer = "" if self.layer is None else f", layer {self.layer}{name}"
        code = f": {self.instruction}" if self.instruction else ""
        return f"{self.kind.value}: {self.message}, {where}{layer}{code}"

    def dump(self) -> str:
        """The registers, four a line; "" where the board never ran."""
        cells = [f"{name:>4} 0x{value:08x}" for name, value in self.registers.items()]
        return "\n".join("  ".join(cells[i : i + 4]) for i in range(0, len(cells), 4))

    def error(self, layers: Sequence[str] = ()) -> LinkError:
        """The fault as an error for the one who runs the firmware, with the layers' names where they are known."""
        silicon = self.rule.silicon.replace("`", "")
        message = "\n".join(filter(None, (self.describe(layers), self.dump())))
        return LinkError("device.fault", message, f"the emulated board stops here; a real one: {silicon}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "rule": self.rule.name}

    @staticmethod
    def from_json(data: dict[str, Any]) -> FaultReport:
        return FaultReport(**{**data, "rule": Rule[data["rule"]]})


class Violation(Exception):  # noqa: N818 (not an error of edgekit: it is what the firmware did)
    """Raised inside a model of the machine; the machine turns it into a FaultReport.

    address  the data address, where the one who raises it knows it
    pc       the instruction, where it is known better than from the processor's state
    """

    def __init__(self, rule: Rule, message: str, address: int | None = None, pc: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.address = address
        self.pc = pc


class Halted(Exception):  # noqa: N818
    """The machine stopped on a fault."""

    def __init__(self, report: FaultReport) -> None:
        super().__init__(str(report))
        self.report = report
