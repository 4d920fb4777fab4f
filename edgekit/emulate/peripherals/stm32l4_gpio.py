"""The ports of the STM32L4+: GPIOA to GPIOI."""

from __future__ import annotations

from .base import Context, Peripheral
from .stm32_gpio import Gpio, install

BASE = 0x48000000
_PORTS = "ABCDEFGHI"

_MODER, _OSPEEDR, _PUPDR = 0x00, 0x08, 0x0C
_ANALOG = 0xFFFFFFFF

# The debug pins are in their alternate function after a reset, all others analog.
_RESET: dict[str, dict[int, int]] = {
    "A": {_MODER: 0xABFFFFFF, _OSPEEDR: 0x0C000000, _PUPDR: 0x64000000},
    "B": {_MODER: 0xFFFFFEBF, _PUPDR: 0x00000100},
}


def build(context: Context) -> list[Peripheral]:
    resets = {port: _RESET.get(port, {_MODER: _ANALOG}) for port in _PORTS}
    return install(context, {p: Gpio(context, p, BASE + 0x400 * i, resets[p]) for i, p in enumerate(_PORTS)})
