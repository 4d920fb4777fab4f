"""Processor faults as the device reports them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.errors import LinkError
from edgekit.link.protocol import NO_LAYER


@dataclass(frozen=True)
class Fault:
    """A processor fault, as the device reports it.

    The registers are those of Armv7-M; a core that lacks one reports 0, and a process reports its signal as `exception`
    and the address as `bfar`. `layer` is the layer in progress, None outside an inference.
    """

    pc: int
    lr: int
    sp: int
    xpsr: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int
    exception: int
    layer: int | None

    @property
    def address(self) -> int | None:
        """The address whose access faulted, None where the registers do not hold one."""
        if self.cfsr & _MMARVALID:
            return self.mmfar
        if self.cfsr & _BFARVALID:
            return self.bfar
        return None

    @property
    def causes(self) -> tuple[str, ...]:
        """What CFSR and HFSR say, in their bits' names and in words."""
        return tuple(text for bit, text in _CFSR.items() if self.cfsr & bit) + tuple(
            text for bit, text in _HFSR.items() if self.hfsr & bit
        )


_MMARVALID = 1 << 7
_BFARVALID = 1 << 15

# The bits of Armv7-M's Configurable Fault Status Register that name a cause.
_CFSR = {
    1 << 0: "IACCVIOL: an instruction fetched from memory that may not be executed",
    1 << 1: "DACCVIOL: a data access that the memory protection forbids",
    1 << 3: "MUNSTKERR: a protection fault on the return from an exception",
    1 << 4: "MSTKERR: a protection fault on the entry of an exception (stack overflow?)",
    1 << 5: "MLSPERR: a protection fault while saving the floating-point state",
    1 << 8: "IBUSERR: a bus error on an instruction fetch",
    1 << 9: "PRECISERR: a bus error on a data access",
    1 << 10: "IMPRECISERR: a bus error on an earlier data access",
    1 << 11: "UNSTKERR: a bus error on the return from an exception",
    1 << 12: "STKERR: a bus error on the entry of an exception (stack overflow?)",
    1 << 13: "LSPERR: a bus error while saving the floating-point state",
    1 << 16: "UNDEFINSTR: an instruction that the core does not have",
    1 << 17: "INVSTATE: a branch to an address without the Thumb bit",
    1 << 18: "INVPC: a broken exception return",
    1 << 19: "NOCP: a coprocessor instruction while the coprocessor is off (the FPU?)",
    1 << 24: "UNALIGNED: an access that must be aligned and is not",
    1 << 25: "DIVBYZERO: a division by zero",
}
# And of the HardFault Status Register.
_HFSR = {
    1 << 1: "VECTTBL: a bus error on the read of the vector table",
    1 << 30: "FORCED: a fault whose own handler could not run",
}


_FIELDS = struct.Struct("<9IH")


def unpack(payload: bytes) -> Fault:
    """The fault in a FAULT frame's payload. ValueError where it is too short."""
    if len(payload) < _FIELDS.size:
        raise ValueError(f"a FAULT frame of {len(payload)} bytes; {_FIELDS.size} are needed")
    *registers, layer = _FIELDS.unpack_from(payload)
    pc, lr, sp, xpsr, cfsr, hfsr, mmfar, bfar, exception = registers
    return Fault(pc, lr, sp, xpsr, cfsr, hfsr, mmfar, bfar, exception, layer=None if layer == NO_LAYER else layer)


def describe(fault: Fault, layers: Sequence[str] = ()) -> str:
    """One line about a fault, with the layer's name where `layers` has it."""
    if fault.layer is None:
        where = "outside an inference"
    elif fault.layer < len(layers):
        where = f"in layer {fault.layer} ({layers[fault.layer]})"
    else:
        where = f"in layer {fault.layer}"
    parts = [f"exception {fault.exception} at pc 0x{fault.pc:08x} (lr 0x{fault.lr:08x}) {where}"]
    if fault.address is not None:
        parts.append(f"accessing 0x{fault.address:08x}")
    parts.extend(fault.causes)
    return "; ".join(parts)


class DeviceFaultError(LinkError):
    """The processor faulted; `fault` holds what it reported. Only a reset brings the device back."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(
            "device.fault",
            f"the device faulted: {describe(fault)}",
            "reset the device; look pc up with addr2line -e on the firmware's ELF file",
        )
        self.fault = fault
