"""TIM2 of the STM32G0, a counter of 32 bits, as far as it counts up."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import WORD, Context, Peripheral, Register, RegisterBlock, clocked

BASE = 0x40000000

_CR1, _DIER, _CNT, _PSC, _ARR = 0x00, 0x0C, 0x24, 0x28, 0x2C
_CEN = 1 << 0

_REGISTERS = {
    _CR1: Register("TIM2_CR1", 0, 0x00000BFF),
    _DIER: Register("TIM2_DIER", 0, 0x00005F5F),
    _CNT: Register("TIM2_CNT", 0, WORD),
    _PSC: Register("TIM2_PSC", 0, 0x0000FFFF),
    _ARR: Register("TIM2_ARR", WORD, WORD),
}


class Tim2(RegisterBlock):
    """Counts up one per instruction executed (or per clock spent waiting for the host), where its bus has the core's
    clock; other ways of counting stop the board."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since = 0
        super().__init__("TIM2", BASE, _REGISTERS)

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def loaded(self, offset: int, value: int) -> int:
        return self._count() if offset == _CNT else value

    def _count(self) -> int:
        if not self.values[_CR1] & _CEN:
            return self.values[_CNT]
        return (self.values[_CNT] + self._context.now() - self._since) % (self.values[_ARR] + 1)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _DIER and value:
            raise Violation(Rule.INTERRUPT, "TIM2's interrupts are not modelled", self.base + offset)
        if (offset == _CR1 and value & ~_CEN) or (offset == _PSC and value):
            raise Violation(Rule.NO_REGISTER, "TIM2 counts up undivided, or is not modelled", self.base + offset)
        if offset == _CR1:
            self.values[_CNT], self._since = self._count(), self._context.now()
        elif offset == _CNT:
            self._since = self._context.now()
        return value


def build(context: Context) -> list[Peripheral]:
    return [Tim2(context)]
