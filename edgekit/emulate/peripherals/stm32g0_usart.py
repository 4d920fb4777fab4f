"""USART2 of the STM32G0, of ST's second generation with a prescaler, and the board's link to the host through it."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral
from .stm32_usart_v2 import NAMES, Usart

BASE = 0x40004400
_CR1, _PRESC = 0x00, 0x2C
_FIFOEN = 1 << 29


class UsartG0(Usart):
    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR1 and value & _FIFOEN:
            raise Violation(Rule.UART_FORMAT, f"{self.name}: its FIFOs are not modelled", self.base + offset)
        if offset == _PRESC and value:
            raise Violation(Rule.UART_FORMAT, f"{self.name}: its prescaler is not modelled", self.base + offset)
        return super().stored(offset, value, old)


def build(context: Context) -> list[Peripheral]:
    wired = context.board.serial.uart == "usart2"
    return [UsartG0(context, "USART2", context.line if wired else None, BASE, NAMES | {_PRESC: "PRESC"})]
