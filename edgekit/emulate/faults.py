"""What stops an emulated board: the things that real silicon would not have done, and where they happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """Why the emulated board stopped. The values are stable: scripts and reports use them."""

    UNMAPPED_READ = "unmapped-read"
    UNMAPPED_WRITE = "unmapped-write"
    UNMAPPED_FETCH = "unmapped-fetch"
    EXECUTE_NEVER = "execute-never"
    FLASH_WRITE = "flash-write"
    UNALIGNED = "unaligned"
    INSTRUCTION = "instruction"
    FPU_DISABLED = "fpu-disabled"
    UNCLOCKED = "unclocked"
    CLOCK = "clock"
    PERIPHERAL = "peripheral"
    STACK_OVERFLOW = "stack-overflow"
    EXCEPTION = "exception"
    NO_PROGRESS = "no-progress"
    VECTOR_TABLE = "vector-table"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class FaultReport:
    """One fault, with everything that the emulator knows of it.

    kind         what rule was broken
    message      the same in words, for people
    pc           address of the instruction that broke it
    function     the symbol that holds pc, with the offset in it, as "ek_conv2d_row+0x12"; "" without a symbol
    instruction  the instruction in assembly; "" where there is none
    address      the data address that was accessed; None where the fault is not about one
    layer        the model's layer in progress; None outside an inference
    """

    kind: FaultKind
    message: str
    pc: int
    function: str = ""
    instruction: str = ""
    address: int | None = None
    layer: int | None = None

    def __str__(self) -> str:
        where = f"in {self.function} (pc 0x{self.pc:08x})" if self.function else f"at pc 0x{self.pc:08x}"
        layer = "" if self.layer is None else f", layer {self.layer}"
        code = f": {self.instruction}" if self.instruction else ""
        return f"{self.kind.value}: {self.message}, {where}{layer}{code}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> FaultReport:
        return FaultReport(**{**data, "kind": FaultKind(data["kind"])})


class Violation(Exception):  # noqa: N818 (not an error of edgekit: it is what the firmware did)
    """Raised inside a model of the machine; the machine turns it into a FaultReport.

    address  the data address, where the one who raises it knows it
    pc       the instruction, where it is known better than from the processor's state
    """

    def __init__(self, kind: FaultKind, message: str, address: int | None = None, pc: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.address = address
        self.pc = pc


class Halted(Exception):  # noqa: N818
    """The machine stopped on a fault."""

    def __init__(self, report: FaultReport) -> None:
        super().__init__(str(report))
        self.report = report
