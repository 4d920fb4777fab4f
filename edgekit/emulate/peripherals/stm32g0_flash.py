"""The flash interface of the STM32G0: wait states, prefetch and the instruction cache.

Flash cannot be programmed here: a write to it stops the board.
"""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context, Peripheral, Register, RegisterBlock
from .stm32g0_pwr import RANGE_2

BASE = 0x40022000

_ACR = 0x00
_ICEN, _ICRST = 1 << 9, 1 << 11

_REGISTERS = {
    _ACR: Register("FLASH_ACR", 0x00000600, 0x00050B07),
    0x08: Register("FLASH_KEYR", 0, 0),
    0x0C: Register("FLASH_OPTKEYR", 0, 0),
    0x10: Register("FLASH_SR", 0, 0x0005C3FB),
    0x14: Register("FLASH_CR", 0xC0000000, 0),
    0x18: Register("FLASH_ECCR", 0, 0),
    0x20: Register("FLASH_OPTR", 0xF0000000, 0),
}

# The highest HCLK with 0, 1, 2 wait states.
_RANGE_1_HZ = (24_000_000, 48_000_000, 64_000_000)
_RANGE_2_HZ = (8_000_000, 16_000_000)


def wait_states(core: int, highest: int) -> int:
    """How many an HCLK needs, in the range that PWR's highest clock tells."""
    steps = _RANGE_2_HZ if highest <= RANGE_2 else _RANGE_1_HZ
    return sum(core > step for step in steps)


class Flash(RegisterBlock):
    def __init__(self, context: Context) -> None:
        super().__init__("FLASH", BASE, _REGISTERS)
        self._context = context

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset != _ACR:
            return value
        if value & _ICRST and old & _ICEN:
            raise Violation(Rule.CACHE_RESET, "FLASH_ACR.ICRST is set while the cache is on", self.base + offset)
        if self._context.clocks is not None and self._context.power is not None:
            core = self._context.clocks.hz("HCLK")
            needed = wait_states(core, self._context.power())
            if value & 7 < needed:
                message = f"{value & 7} flash wait states are set while the core runs at {core} Hz; it needs {needed}"
                raise Violation(Rule.WAIT_STATES, message, self.base + offset)
        return value

    def latency(self) -> int:
        return self.values[_ACR] & 7


def build(context: Context) -> list[Peripheral]:
    flash = Flash(context)
    context.latency = flash.latency
    return [flash]
