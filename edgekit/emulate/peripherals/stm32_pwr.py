"""Power control of the STM32F7 family: PWR, with voltage scaling and over-drive."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral, Register, RegisterBlock, clocked

BASE = 0x40007000

_CR1, _CSR1 = 0x00, 0x04
_ODEN, _ODSWEN = 1 << 16, 1 << 17
_VOSRDY, _ODRDY, _ODSWRDY = 1 << 14, 1 << 16, 1 << 17

_REGISTERS = {
    _CR1: Register("PWR_CR1", 0x0000C000, 0x000FEFFB),
    _CSR1: Register("PWR_CSR1", _VOSRDY, 0x000C0200),
    0x08: Register("PWR_CR2"),
    0x0C: Register("PWR_CSR2"),
}

# Voltage scale (PWR_CR1.VOS) -> highest core clock without and with over-drive.
_HIGHEST = {
    3: (180_000_000, 216_000_000),
    2: (168_000_000, 180_000_000),
    1: (144_000_000, 144_000_000),
}


class Pwr(RegisterBlock):
    """Over-drive comes up in two steps, ODEN then ODSWEN, each with its own ready bit."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("PWR", BASE, _REGISTERS)

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR1:
            if value & _ODSWEN and not value & _ODEN:
                raise Violation(Rule.OVERDRIVE, "PWR_CR1.ODSWEN is set without ODEN", self.base + offset)
            status = self.values[_CSR1] & ~(_ODRDY | _ODSWRDY)
            self.values[_CSR1] = status | value & (_ODEN | _ODSWEN)  # the ready bits lie where the enable bits do
        return value

    def highest_hz(self) -> int:
        plain, overdriven = _HIGHEST.get(self.values[_CR1] >> 14 & 3, _HIGHEST[1])
        return overdriven if self.values[_CSR1] & _ODSWRDY else plain


def build(context: Context) -> list[Peripheral]:
    pwr = Pwr(context)
    context.power = pwr.highest_hz
    return [pwr]
