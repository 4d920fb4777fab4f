"""SysTick, the core's timer, without its interrupt."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Register, RegisterBlock

BASE = 0xE000E010

_CTRL, _LOAD, _VAL, _CALIB = 0x0, 0x4, 0x8, 0xC
_ENABLE, _TICKINT, _COUNTFLAG = 1 << 0, 1 << 1, 1 << 16


class SysTick(RegisterBlock):
    """Counts down one per instruction executed (or per clock spent waiting for the host), whatever CLKSOURCE says."""

    size = 0x10

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since = 0
        self._wraps = 0
        registers = {
            _CTRL: Register("SYST_CSR", 0, 0x7),
            _LOAD: Register("SYST_RVR", 0, 0xFFFFFF),
            _VAL: Register("SYST_CVR", 0, 0xFFFFFF),
            _CALIB: Register("SYST_CALIB", 0xC0000000, 0),
        }
        super().__init__("SysTick", BASE, registers)

    def loaded(self, offset: int, value: int) -> int:
        period = self.values[_LOAD] + 1
        elapsed = self._context.now() - self._since
        if offset == _VAL and self.values[_CTRL] & _ENABLE:
            return -elapsed % period
        if offset == _CTRL and value & _ENABLE:
            wraps, self._wraps = self._wraps, elapsed // period
            return value | (_COUNTFLAG if self._wraps > wraps else 0)
        return value

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CTRL and value & _TICKINT:
            raise Violation(Rule.INTERRUPT, "SysTick's interrupt is not modelled", self.base)
        if offset == _VAL or (offset == _CTRL and value & ~old & _ENABLE):
            self._since, self._wraps = self._context.now(), 0
            return 0 if offset == _VAL else value
        return value
