"""An STM32F405 on the emulated board, for tests of its port: QEMU has no clock control, so this has what the port sets.

The clock tree is the STM32F7's, whose registers the part shares as far as the port uses them, with the part's own
limits; PWR, the flash interface and the USART are here.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit import boards
from edgekit.boards import Board
from edgekit.boards.types import Emulator
from edgekit.emulate import peripherals
from edgekit.emulate.counters import Marks
from edgekit.emulate.faults import FaultReport, Halted
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine
from edgekit.emulate.peripherals import stm32_rcc
from edgekit.emulate.peripherals.base import Context, Peripheral, Register, RegisterBlock, clocked
from edgekit.emulate.peripherals.stm32_usart_v2 import Usart
from edgekit.errors import LinkError

_MODELS = ("stm32_rcc", "f405_pwr", "f405_flash", "stm32_gpio", "f405_usart", "dwt")
_LIMITS = {"PCLK1": 42_000_000, "PCLK2": 84_000_000}
_SCALE_HZ = (144_000_000, 168_000_000)  # by PWR_CR.VOS
_OFFSETS = {0x00: 0x1C, 0x08: 0x0C, 0x0C: 0x00, 0x10: 0x04, 0x14: 0x08}  # of the USART's SR, BRR, CR1, CR2 and CR3
_UE = 1 << 13


class _Pwr(RegisterBlock):
    """Starts in the lower scale, as the vendor's SVD file has it, so that the port has to set the other."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("PWR", 0x40007000, {0: Register("PWR_CR")})

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def highest_hz(self) -> int:
        return _SCALE_HZ[self.values[0] >> 14 & 1]


class _Usart:
    """The first generation's registers in front of the second's model."""

    name = "USART1"
    base = 0x40011000
    size = 0x400

    def __init__(self, context: Context) -> None:
        self._model = Usart(context, self.name, context.line, self.base)

    def reset(self) -> None:
        self._model.reset()

    def read(self, offset: int, size: int) -> int:
        value = self._model.read(0x24 if offset == 4 else _OFFSETS[offset], size)
        return value & ~1 | (value & 1) * _UE if offset == 0x0C else value

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == 0x0C:
            value = value & ~(_UE | 1) | bool(value & _UE)
        self._model.write(0x28 if offset == 4 else _OFFSETS[offset], size, value)


def _pwr(context: Context) -> list[Peripheral]:
    pwr = _Pwr(context)
    context.power = pwr.highest_hz
    return [pwr]


def _flash(context: Context) -> list[Peripheral]:
    flash = RegisterBlock("FLASH", 0x40023C00, {0: Register("FLASH_ACR", 0, 0x1F07)})
    context.latency = lambda: flash.values[0] & 7
    return [flash]


def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    """`netduinoplus2`, emulated by Unicorn with these models."""
    for name, build in (("f405_pwr", _pwr), ("f405_flash", _flash), ("f405_usart", lambda c: [_Usart(c)])):
        monkeypatch.setitem(peripherals._PART, name, build)
    monkeypatch.setattr(stm32_rcc, "_LIMITS", _LIMITS)
    emulator = Emulator("unicorn", _MODELS)
    return dataclasses.replace(boards.load("netduinoplus2"), emulator=emulator)


class Running:
    """A machine in a thread, and both ends of its serial line."""

    seconds_per_byte = 0.0

    def __init__(self, elf: Path, of: Board) -> None:
        self._to_firmware: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._to_host: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.marks: Marks | None = None
        self.fault: FaultReport | None = None
        self._stop: Callable[[], None] = lambda: None
        self._closed = threading.Event()
        self._machine = Machine(read_image(elf), of, self, on_marks=self._marks)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _marks(self, marks: Marks) -> None:
        self.marks = marks

    def _run(self) -> None:
        try:
            self._machine.run()
        except Halted as halted:
            self.fault = halted.report

    def receive(self) -> int | None:
        try:
            return self._to_firmware.get_nowait()
        except queue.Empty:
            return None

    def send(self, byte: int) -> None:
        self._to_host.put(byte)

    def idle(self) -> None:
        if self._closed.wait(0.001):
            self._machine.stop()
        self._machine.idle(168_000)

    def read(self, n: int, timeout: float) -> bytes:
        try:
            data = bytearray([self._to_host.get(timeout=timeout)])
        except queue.Empty:
            if not self._thread.is_alive():
                raise LinkError("link.lost", "the machine stopped") from None
            return b""
        while len(data) < n and not self._to_host.empty():
            data.append(self._to_host.get())
        return bytes(data)

    def write(self, data: bytes) -> None:
        for byte in data:
            self._to_firmware.put(byte)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
