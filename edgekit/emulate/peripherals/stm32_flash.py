"""The flash interface of the STM32F7 family: wait states, prefetch and the ART accelerator.

Flash cannot be programmed here: a write to it stops the board.
"""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral, Register, RegisterBlock

BASE = 0x40023C00

_ACR = 0x00
_ARTEN, _ARTRST = 1 << 9, 1 << 11

_REGISTERS = {
    _ACR: Register("FLASH_ACR", 0, 0x00000B0F),
    0x0C: Register("FLASH_SR"),
    0x10: Register("FLASH_CR", 0x80000000, 0),
    0x14: Register("FLASH_OPTCR", 0xC0FFAAFD, 0),
    0x18: Register("FLASH_OPTCR1", 0x00400080, 0),
}


class Flash(RegisterBlock):
    def __init__(self, context: Context) -> None:
        super().__init__("FLASH", BASE, _REGISTERS)
        self._context = context

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _ACR and value & _ARTRST and old & _ARTEN:
            raise Violation(Rule.CACHE_RESET, "FLASH_ACR.ARTRST is set while the accelerator is on", self.base + offset)
        return value

    def latency(self) -> int:
        return self.values[_ACR] & 0xF


def build(context: Context) -> list[Peripheral]:
    flash = Flash(context)
    context.latency = flash.latency
    return [flash]
