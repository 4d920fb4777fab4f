"""What silicon checks at every access and Unicorn does not, hooked only where it can happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .engine import Engine
from .faults import Violation
from .isa_check import Listing
from .rules import Rule

_GUARD = 64  # bytes watched below the stack: what one PUSH of every register may reach

Stop = Callable[[Violation], None]


class Guards:
    """Alignment, division, stack and FPU checks.

    stop       called with what was violated; it stops the engine
    stack_low  lowest address of the stack; None where the image does not tell
    """

    def __init__(self, engine: Engine, listing: Listing, stack_low: int | None, stop: Stop) -> None:
        self._engine = engine
        self._listing = listing
        self._stop = stop
        self._low = stack_low
        self._sp = engine.number("sp")
        self._fpu: list[Any] = []
        self._divisions: list[Any] = []
        self._unaligned: Any = None
        for address in listing.aligned:
            engine.hook("code", self._check_alignment, address, address)
        if stack_low is not None:
            engine.hook("write", self._below_stack, stack_low - _GUARD, stack_low - 1)
            for address in listing.frames:
                engine.hook("code", self._check_frame, address, address)

    def allow_fpu(self, allowed: bool) -> None:
        """The FPU was switched on or off. Only while the engine is stopped."""
        if allowed:
            for handle in self._fpu:
                self._engine.unhook(handle)
            self._fpu.clear()
        elif not self._fpu:
            self._fpu = [self._engine.hook("code", self._fpu_is_off, a, a) for a in self._listing.fpu]

    def trap(self, unaligned: bool, division: bool) -> None:
        """What CCR.UNALIGN_TRP and DIV_0_TRP are now. Only while the engine is stopped."""
        if unaligned and self._unaligned is None:
            self._unaligned = self._engine.hook("memory", self._check_access)
        elif not unaligned and self._unaligned is not None:
            self._engine.unhook(self._unaligned)
            self._unaligned = None
        if division and not self._divisions:
            self._divisions = [self._engine.hook("code", self._check_divisor, a, a) for a in self._listing.divisions]
        elif not division:
            for handle in self._divisions:
                self._engine.unhook(handle)
            self._divisions.clear()

    def _check_alignment(self, uc: Any, pc: int, _size: int, _data: object) -> None:
        rule = self._listing.aligned[pc]
        address = uc.reg_read(rule.base) + rule.offset & 0xFFFFFFFF
        if address % rule.align:
            message = f"{self._listing.text(pc).split()[0]} at 0x{address:08x}, no multiple of {rule.align}"
            self._stop(Violation(rule.rule, message, address, pc))

    def _check_access(self, _uc: Any, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        self._engine.leave_it_block()
        if address % size:
            message = f"{size} bytes are accessed at 0x{address:08x} while CCR.UNALIGN_TRP is set"
            self._stop(Violation(Rule.UNALIGNED_TRAPPED, message, address))

    def _check_divisor(self, uc: Any, pc: int, _size: int, _data: object) -> None:
        if uc.reg_read(self._listing.divisions[pc]) == 0:
            message = "a division by zero while CCR.DIV_0_TRP is set"
            self._stop(Violation(Rule.DIVISION, message, None, pc))

    def _fpu_is_off(self, _uc: Any, pc: int, _size: int, _data: object) -> None:
        message = "a floating-point instruction is executed before CPACR allows the FPU"
        self._stop(Violation(Rule.FPU_DISABLED, message, None, pc))

    def _check_frame(self, uc: Any, pc: int, _size: int, _data: object) -> None:
        sp = uc.reg_read(self._sp)
        if self._low is not None and sp < self._low:
            self._overflow(sp, pc)

    def _below_stack(self, uc: Any, _kind: int, address: int, _size: int, _value: int, _data: object) -> None:
        """Other data may well lie below the stack: it counts when the stack pointer is there, or writes there."""
        assert self._low is not None
        self._engine.leave_it_block()
        pc = self._engine.get("pc")
        text = self._listing.text(pc)
        if uc.reg_read(self._sp) < self._low or "push" in text or "[sp" in text or "sp!" in text:
            self._overflow(address, pc)

    def _overflow(self, address: int, pc: int) -> None:
        message = f"the stack grows to 0x{address:08x}, below its lowest address 0x{self._low:08x}"
        self._stop(Violation(Rule.STACK_OVERFLOW, message, address, pc))
