"""What the engine stopped on, in the words of a fault report."""

from __future__ import annotations

from ..boards import Board
from ..errors import DeviceError
from .engine import Engine
from .faults import FaultReport, Violation
from .image import Image
from .isa_check import Listing
from .memory_map import memory_at
from .rules import Rule
from .source_lines import source_line

SVC, FETCH = 2, 3
_REGISTERS = (*(f"r{n}" for n in range(13)), "sp", "lr", "pc", "xpsr", "control")
_EXCEPTIONS = {
    1: (Rule.UNDEFINED, "an undefined instruction is executed"),
    SVC: (Rule.SVC, "SVC is executed, and exceptions are not delivered here"),
    FETCH: (Rule.NO_CODE, "a jump to memory that is never executed"),
    4: (Rule.UNALIGNED_ARMV6M, "a misaligned access, which an Armv6-M core never makes"),
    7: (Rule.BKPT, "BKPT is executed, and there is no debugger"),
}


def report(
    violation: Violation, pc: int, layer: int | None, image: Image, listing: Listing, engine: Engine
) -> FaultReport:
    """All that is known of what the instruction at pc broke, while the engine is stopped there."""
    return FaultReport(
        violation.rule,
        violation.message,
        pc,
        image.locate(pc),
        listing.text(pc),
        violation.address,
        layer,
        source_line(image.path, pc),
        {name: engine.get(name) for name in _REGISTERS},
    )


def access(kind: int, address: int, size: int, board: Board, on_bus: bool, jumped_from: int) -> Violation:
    """An access that the memory map does not allow.

    kind         Unicorn's memory event
    on_bus       whether a peripheral is at the address
    jumped_from  the instruction that was executed last, where the event is about executing
    """
    import unicorn

    memory = memory_at(board, address)
    where = f"at 0x{address:08x}, where nothing is"
    if kind in (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT):
        if kind == unicorn.UC_MEM_FETCH_PROT or memory is not None or on_bus:
            message = f"0x{address:08x} is executed, where the image has no code"
            return Violation(Rule.NO_CODE, message, address, jumped_from)
        message = f"0x{address:08x} is executed, where nothing is mapped"
        return Violation(Rule.UNMAPPED_FETCH, message, address, jumped_from)
    if kind == unicorn.UC_MEM_READ_UNMAPPED:
        return Violation(Rule.UNMAPPED_READ, f"{size} bytes are read {where}", address)
    if memory is not None and memory.kind == "flash":
        return Violation(Rule.FLASH_WRITE, f"{size} bytes are written to flash at 0x{address:08x}", address)
    return Violation(Rule.UNMAPPED_WRITE, f"{size} bytes are written {where}", address)


def exception(number: int, pc: int) -> Violation:
    """An exception that the instruction at pc raises, by QEMU's number of it.

    DeviceError for one that no rule knows.
    """
    if number not in _EXCEPTIONS:
        raise DeviceError("emulator.stopped", f"the emulator's engine stopped with exception {number} at pc 0x{pc:08x}")
    return Violation(*_EXCEPTIONS[number], None, pc)


def block(
    image: Image, listing: Listing, address: int, count: int, data: bytes, thumb: bool, jumped_from: int
) -> Violation | None:
    """What is wrong with `count` instructions that are about to run; None where they are the image's own."""
    end = address + len(data)
    if not thumb:
        message = f"a jump to 0x{address:08x} leaves the Thumb state, the only one that the core has"
        return Violation(Rule.ARM_STATE, message, address, jumped_from)
    if not listing.text(address) or listing.count(address, end) != count:
        return Violation(
            Rule.NO_CODE, f"0x{address:08x} is executed, where the image has no code", address, jumped_from
        )
    if image.code_at(address, end) != data:
        message = f"the code at 0x{address:08x} is not what the image has there"
        return Violation(Rule.NOT_COPIED, message, address, address)
    return None


def vector_table(board: Board, image: Image, table: int, stack: int, entry: int) -> Violation | None:
    """What is wrong with the first two entries of a vector table; None where nothing is."""
    memory = memory_at(board, stack - 1)
    at = f"(vector table at 0x{table:08x})"
    if stack % 4 or memory is None or memory.kind != "ram":
        return Violation(Rule.STACK_POINTER, f"the initial stack pointer 0x{stack:08x} is not in RAM {at}")
    if not entry & 1:
        return Violation(Rule.RESET_THUMB, f"the reset vector 0x{entry:08x} has no Thumb bit {at}")
    if not any(code.address <= entry < code.end for code in image.sections):
        return Violation(Rule.RESET_VECTOR, f"the reset vector 0x{entry:08x} points to no code {at}")
    return None
