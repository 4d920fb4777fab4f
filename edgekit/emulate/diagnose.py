"""What the engine stopped on, in the words of a fault report."""

from __future__ import annotations

from ..boards import Board
from .faults import FaultKind, Violation
from .image import Image
from .memory_map import memory_at

_EXCEPTIONS = {1: "an undefined instruction", 2: "SVC", 7: "BKPT", 8: "a return from an exception"}
SVC = 2


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
            return Violation(FaultKind.EXECUTE_NEVER, message, address, jumped_from)
        message = f"0x{address:08x} is executed, where nothing is mapped"
        return Violation(FaultKind.UNMAPPED_FETCH, message, address, jumped_from)
    if kind == unicorn.UC_MEM_READ_UNMAPPED:
        return Violation(FaultKind.UNMAPPED_READ, f"{size} bytes are read {where}", address)
    if memory is not None and memory.kind == "flash":
        return Violation(FaultKind.FLASH_WRITE, f"{size} bytes are written to flash at 0x{address:08x}", address)
    return Violation(FaultKind.UNMAPPED_WRITE, f"{size} bytes are written {where}", address)


def exception(number: int, pc: int) -> Violation:
    """An exception that the instruction at pc raises, by QEMU's number of it."""
    name = _EXCEPTIONS.get(number, f"exception {number}")
    return Violation(FaultKind.EXCEPTION, f"{name} is executed; exceptions are not delivered here", None, pc)


def vector_table(board: Board, image: Image, table: int, stack: int, entry: int) -> str:
    """What is wrong with the first two entries of a vector table; "" where nothing is."""
    memory = memory_at(board, stack - 1)
    at = f"(vector table at 0x{table:08x})"
    if stack % 4 or memory is None or memory.kind != "ram":
        return f"the initial stack pointer 0x{stack:08x} is not in RAM {at}"
    if not entry & 1:
        return f"the reset vector 0x{entry:08x} has no Thumb bit {at}"
    if not any(code.address <= entry < code.end for code in image.sections):
        return f"the reset vector 0x{entry:08x} points to no code {at}"
    return ""
