"""Power control of the STM32G0: PWR, with its voltage ranges."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral, Register, RegisterBlock, clocked

BASE = 0x40007000

_CR1 = 0x00
_LPR = 1 << 14

_REGISTERS = {
    _CR1: Register("PWR_CR1", 0x00000208, 0x0000473F),
    0x04: Register("PWR_CR2", 0, 0x000007FF),
    0x08: Register("PWR_CR3", 0x00008000, 0x0000873F),
    0x0C: Register("PWR_CR4", 0, 0x0000033F),
    0x10: Register("PWR_SR1", 0, 0),
    0x14: Register("PWR_SR2", 0, 0),
    0x18: Register("PWR_SCR", 0, 0),
    **{0x20 + 8 * i: Register(f"PWR_PUCR{port}", 0, 0xFFFF) for i, port in enumerate("ABCDE")},
    **{0x24 + 8 * i: Register(f"PWR_PDCR{port}", 0, 0xFFFF) for i, port in enumerate("ABCDE")},
    0x48: Register("PWR_PUCRF", 0, 0x3FFF),
    0x4C: Register("PWR_PDCRF", 0, 0x3FFF),
}

RANGE_1, RANGE_2 = 64_000_000, 16_000_000
_LOW_POWER = 2_000_000


class Pwr(RegisterBlock):
    """The regulator reaches a new range at once, so PWR_SR2.VOSF reads 0."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("PWR", BASE, _REGISTERS)

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset != _CR1:
            return value
        if value >> 9 & 3 not in (1, 2):
            message = f"PWR_CR1.VOS is set to {value >> 9 & 3}, which is no range"
            raise Violation(Rule.VOLTAGE, message, self.base + offset)
        if self._context.clocks is not None:
            highest, core = _highest(value), self._context.clocks.hz("SYSCLK")
            if core > highest:
                message = f"PWR is set to a range for {highest} Hz while the core runs at {core} Hz"
                raise Violation(Rule.SUPPLY, message, self.base + offset)
        return value

    def highest_hz(self) -> int:
        return _highest(self.values[_CR1])


def _highest(cr1: int) -> int:
    if cr1 & _LPR:
        return _LOW_POWER
    return RANGE_2 if cr1 >> 9 & 3 == 2 else RANGE_1


def build(context: Context) -> list[Peripheral]:
    pwr = Pwr(context)
    context.power = pwr.highest_hz
    return [pwr]
