"""The ports of the STM32G0: GPIOA to GPIOF."""

from __future__ import annotations

from .base import Context, Peripheral
from .stm32_gpio import Gpio, install

BASE = 0x50000000
_PORTS = "ABCDEF"

_MODER, _OSPEEDR, _PUPDR = 0x00, 0x08, 0x0C
_ANALOG = 0xFFFFFFFF

# The debug pins are in their alternate function after a reset, all others analog.
_RESET: dict[str, dict[int, int]] = {"A": {_MODER: 0xEBFFFFFF, _OSPEEDR: 0x0C000000, _PUPDR: 0x24000000}}


def build(context: Context) -> list[Peripheral]:
    resets = {port: _RESET.get(port, {_MODER: _ANALOG}) for port in _PORTS}
    return install(context, {p: Gpio(context, p, BASE + 0x400 * i, resets[p]) for i, p in enumerate(_PORTS)})
