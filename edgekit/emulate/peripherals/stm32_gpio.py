"""Ports as most of ST's families have them; here those of the STM32F7 family, GPIOA to GPIOK."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Context, Peripheral, Register, RegisterBlock, clocked

BASE = 0x40020000
_PORTS = "ABCDEFGHIJK"

_MODER, _IDR, _ODR, _BSRR, _AFRL = 0x00, 0x10, 0x14, 0x18, 0x20
_ALTERNATE = 2

# The debug pins are in their alternate function after a reset.
_RESET: dict[str, dict[int, int]] = {
    "A": {_MODER: 0xA8000000, 0x08: 0x0C000000, 0x0C: 0x64000000},
    "B": {_MODER: 0x00000280, 0x08: 0x000000C0, 0x0C: 0x00000100},
}
_NAMES = {
    _MODER: "MODER",
    0x04: "OTYPER",
    0x08: "OSPEEDR",
    0x0C: "PUPDR",
    _IDR: "IDR",
    _ODR: "ODR",
    _BSRR: "BSRR",
    0x1C: "LCKR",
    _AFRL: "AFRL",
    0x24: "AFRH",
}


class Gpio(RegisterBlock):
    """One port. Inputs read as what the port itself puts out; nothing else is wired to the pins."""

    def __init__(self, context: Context, port: str, base: int, reset: Mapping[int, int]) -> None:
        self._context = context
        registers = {
            o: Register(f"GPIO{port}_{n}", reset.get(o, 0), 0 if o == _IDR else 0xFFFFFFFF) for o, n in _NAMES.items()
        }
        super().__init__(f"GPIO{port}", base, registers)

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def loaded(self, offset: int, value: int) -> int:
        return {_IDR: self.values[_ODR], _BSRR: 0}.get(offset, value)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _BSRR:
            self.values[_ODR] = (self.values[_ODR] & ~(value >> 16) | value) & 0xFFFF
        return value

    def alternate_function(self, pin: int) -> int | None:
        if self.values[_MODER] >> 2 * pin & 3 != _ALTERNATE:
            return None
        return self.values[_AFRL + 4 * (pin // 8)] >> 4 * (pin % 8) & 0xF


def build(context: Context) -> list[Peripheral]:
    return install(context, {p: Gpio(context, p, BASE + 0x400 * i, _RESET.get(p, {})) for i, p in enumerate(_PORTS)})


def install(context: Context, ports: Mapping[str, Gpio]) -> list[Peripheral]:
    """Make a part's ports, by their letters, known to its other peripherals."""

    def alternate_function(pin: str) -> int | None:
        return ports[pin[1]].alternate_function(int(pin[2:]))

    context.pins = alternate_function
    return list(ports.values())
