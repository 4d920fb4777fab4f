"""ST's low-power UART, LPUART1 of the STM32L4+: a USART but for its baud rate generator."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral
from .stm32_usart_v2 import NAMES, Usart

_BASE = 0x40008000

_CR1, _BRR, _PRESC = 0x00, 0x0C, 0x2C
_UE, _OVER8, _FIFOEN = 1 << 0, 1 << 15, 1 << 29
_SMALLEST_BRR = 0x300
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_LACKS = {"GTPR", "RTOR"}


class Lpuart(Usart):
    """BRR counts 256ths of a clock. There is no oversampling by 8, and the FIFO is not modelled."""

    def __init__(self, context: Context) -> None:
        line = context.line if context.board.serial.uart.upper() == "LPUART1" else None
        names = {o: n for o, n in NAMES.items() if n not in _LACKS} | {_PRESC: "PRESC"}
        super().__init__(context, "LPUART1", line, _BASE, names)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR1 and value & _FIFOEN:
            raise Violation(Rule.UART_FORMAT, f"{self.name}'s FIFO is not modelled", self.base + _CR1)
        if offset == _CR1 and value & _OVER8:
            raise Violation(Rule.UART_BIT, f"{self.name}_CR1 has no bit OVER8", self.base + _CR1)
        if offset == _BRR and value < _SMALLEST_BRR:
            message = f"{self.name}_BRR is set to 0x{value:x}, below its least value 0x{_SMALLEST_BRR:x}"
            raise Violation(Rule.UART_DIVIDER, message, self.base + _BRR)
        if offset == _PRESC and value != old and self.values[_CR1] & _UE:
            message = f"{self.name}_PRESC is changed while the UART is enabled"
            raise Violation(Rule.UART_CHANGED, message, self.base + _PRESC)
        return super().stored(offset, value, old)

    def divider(self) -> float:
        """Clocks in a bit."""
        return self.values[_BRR] * _PRESCALERS[min(self.values[_PRESC] & 0xF, 11)] / 256


def build(context: Context) -> list[Peripheral]:
    return [Lpuart(context)]
