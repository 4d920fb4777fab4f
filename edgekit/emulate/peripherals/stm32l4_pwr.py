"""Power control of the STM32L4+: PWR, with voltage ranges, the boost of range 1, and the supply of port G."""

from __future__ import annotations

import re

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral, Register, RegisterBlock, clocked

BASE = 0x40007000

_CR1, _CR2, _CR5 = 0x00, 0x04, 0x80
_LPR, _IOSV, _R1MODE = 1 << 14, 1 << 9, 1 << 8

_REGISTERS = {
    _CR1: Register("PWR_CR1", 0x00000200, 0x00004707),
    _CR2: Register("PWR_CR2", 0, 0x000006FF),
    0x08: Register("PWR_CR3", 0x00008000, 0x0000851F),
    0x0C: Register("PWR_CR4", 0, 0x0000031F),
    0x10: Register("PWR_SR1", 0, 0),
    0x14: Register("PWR_SR2", 0, 0),
    0x18: Register("PWR_SCR", 0, 0),
    **{0x20 + 8 * i: Register(f"PWR_PUCR{port}", 0, 0xFFFF) for i, port in enumerate("ABCDEFGHI")},
    **{0x24 + 8 * i: Register(f"PWR_PDCR{port}", 0, 0xFFFF) for i, port in enumerate("ABCDEFGHI")},
    _CR5: Register("PWR_CR5", _R1MODE, _R1MODE),
}

RANGE_2 = 26_000_000
_LOW_POWER = 2_000_000
_PLAIN, _BOOST = 80_000_000, 120_000_000
_ON_VDDIO2 = re.compile(r"PG([2-9]|1[0-5])")


class Pwr(RegisterBlock):
    """The regulator reaches a new range at once, so PWR_SR2.VOSF reads 0."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("PWR", BASE, _REGISTERS)

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR1 and value >> 9 & 3 not in (1, 2):
            message = f"PWR_CR1.VOS is set to {value >> 9 & 3}, which is no range"
            raise Violation(Rule.VOLTAGE, message, self.base + offset)
        if offset in (_CR1, _CR5) and self._context.clocks is not None:
            highest = _highest({**self.values, offset: value})
            core = self._context.clocks.hz("SYSCLK")
            if core > highest:
                message = f"PWR is set to a range for {highest} Hz while the core runs at {core} Hz"
                raise Violation(Rule.SUPPLY, message, self.base + offset)
        return value

    def highest_hz(self) -> int:
        return _highest(self.values)

    def isolated(self, pin: str) -> str:
        return "PWR_CR2.IOSV is clear" if _ON_VDDIO2.fullmatch(pin) and not self.values[_CR2] & _IOSV else ""


def _highest(values: dict[int, int]) -> int:
    if values[_CR1] & _LPR:
        return _LOW_POWER
    if values[_CR1] >> 9 & 3 == 2:
        return RANGE_2
    return _PLAIN if values[_CR5] & _R1MODE else _BOOST


def build(context: Context) -> list[Peripheral]:
    pwr = Pwr(context)
    context.power = pwr.highest_hz
    context.isolated = pwr.isolated
    return [pwr]
