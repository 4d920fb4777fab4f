"""Arm's MPS2 boards on the emulated board, for tests: the images that QEMU runs, counted by the other emulator.

A CMSDK APB UART and timers, as far as the port uses them. Time passes with instructions.
"""

from __future__ import annotations

import dataclasses

import pytest

from edgekit import boards
from edgekit.boards import Board
from edgekit.boards.types import Emulator
from edgekit.emulate import peripherals
from edgekit.emulate.peripherals.base import Context, Peripheral, Register, RegisterBlock

_TIMERS, _UART = (0x40000000, 0x40001000), 0x40004000
_DATA, _STATE, _CTRL, _BAUDDIV = 0x00, 0x04, 0x08, 0x10
_VALUE, _RELOAD = 0x04, 0x08
_RXFULL = 1 << 1


class _Timer(RegisterBlock):
    size = 0x1000

    def __init__(self, context: Context, base: int) -> None:
        self._context = context
        names = {0x00: "CTRL", _VALUE: "VALUE", _RELOAD: "RELOAD"}
        super().__init__("TIMER", base, {offset: Register(name) for offset, name in names.items()})

    def loaded(self, offset: int, value: int) -> int:
        return value - self._context.now() & 0xFFFFFFFF if offset == _VALUE else value


class _Uart(RegisterBlock):
    size = 0x1000

    def __init__(self, context: Context) -> None:
        self._line = context.line
        self._received: int | None = None
        names = {_DATA: "DATA", _STATE: "STATE", _CTRL: "CTRL", _BAUDDIV: "BAUDDIV"}
        super().__init__("UART0", _UART, {offset: Register(name) for offset, name in names.items()})

    def loaded(self, offset: int, value: int) -> int:
        if offset == _STATE:
            if self._received is None:
                self._received = self._line.receive()
            if self._received is None:
                self._line.idle()
            return 0 if self._received is None else _RXFULL
        if offset == _DATA:
            byte, self._received = self._received, None
            self.values[_DATA] = self.values[_DATA] if byte is None else byte  # a read may be executed once more
            return self.values[_DATA]
        return value

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _DATA:
            self._line.send(value)
        return value


def _build(context: Context) -> list[Peripheral]:
    return [_Uart(context), *(_Timer(context, base) for base in _TIMERS)]


def board(name: str, monkeypatch: pytest.MonkeyPatch) -> Board:
    """One of QEMU's MPS2 boards, emulated by Unicorn with these models."""
    monkeypatch.setitem(peripherals._PART, "cmsdk", _build)
    return dataclasses.replace(boards.load(name), emulator=Emulator("unicorn", ("cmsdk",)))
