"""The second generation of ST's USART (STM32F7, F0, F3, L4 and others), and the board's link to the host through it."""

from __future__ import annotations

from collections.abc import Mapping

from ..faults import Violation
from ..rules import Rule
from .base import Context, HostLine, Peripheral, Register, RegisterBlock, clocked

_BASES = {
    "USART1": 0x40011000,
    "USART2": 0x40004400,
    "USART3": 0x40004800,
    "UART4": 0x40004C00,
    "UART5": 0x40005000,
    "USART6": 0x40011400,
    "UART7": 0x40007800,
    "UART8": 0x40007C00,
}

_CR1, _CR2, _CR3, _BRR, _RQR, _ISR, _ICR, _RDR, _TDR = 0x00, 0x04, 0x08, 0x0C, 0x18, 0x1C, 0x20, 0x24, 0x28
_UE, _RE, _TE, _OVER8 = 1 << 0, 1 << 2, 1 << 3, 1 << 15
_INTERRUPTS = 0x0C0041F0  # RXNEIE, TCIE, TXEIE, IDLEIE, PEIE, CMIE, RTOIE, EOBIE
_FORMAT = 0x10001400  # M1, M0, PCE: anything but 8 data bits without parity
_RXNE, _TC, _TXE, _TEACK, _REACK = 1 << 5, 1 << 6, 1 << 7, 1 << 21, 1 << 22
_BAUD_TOLERANCE = 0.02
_POLLS_BEFORE_IDLE = 32  # status reads without data or transmission in between, before time is let pass

NAMES = {
    _CR1: "CR1",
    _CR2: "CR2",
    _CR3: "CR3",
    _BRR: "BRR",
    0x10: "GTPR",
    0x14: "RTOR",
    _RQR: "RQR",
    _ISR: "ISR",
    _ICR: "ICR",
    _RDR: "RDR",
    _TDR: "TDR",
}
_READ_ONLY = {_ISR, _RDR}


class Usart(RegisterBlock):
    """One UART. The board's own one (`pins` given) must have its pins in their alternate function and the board's baud
    rate before a byte passes; the others have nothing at their pins.

    A byte is on the line as soon as it is written. Received bytes wait at the host's end for as long as the firmware
    takes to read them, so an overrun does not happen here.
    """

    def __init__(
        self, context: Context, name: str, line: HostLine | None, base: int, names: Mapping[int, str] = NAMES
    ) -> None:
        self._context = context
        self._line = line
        self._received: int | None = None
        self._polls = 0
        registers = {o: Register(f"{name}_{n}", 0, 0 if o in _READ_ONLY else 0xFFFFFFFF) for o, n in names.items()}
        super().__init__(name, base, registers)

    def reset(self) -> None:
        super().reset()
        self._received = None
        self._polls = 0

    def permit(self, offset: int, write: bool) -> None:
        clocked(self._context, self.name, self.base + offset)

    def loaded(self, offset: int, value: int) -> int:
        if offset == _ISR:
            return self._status()
        if offset == _RDR:
            byte, self._received = self._received, None
            self.values[_RDR] = self.values[_RDR] if byte is None else byte
            return self.values[_RDR]
        return 0 if offset in (_RQR, _ICR) else value

    def _status(self) -> int:
        cr1 = self.values[_CR1]
        if not cr1 & _UE:
            return _TXE | _TC
        status = _TXE | _TC | (_TEACK if cr1 & _TE else 0) | (_REACK if cr1 & _RE else 0)
        if cr1 & _RE and self._received is None and self._line is not None:
            self._received = self._line.receive()
            if self._received is not None:
                self._check_line(self._context.board.serial.rx)
        if self._received is not None:
            self._polls = 0
            return status | _RXNE
        self._polls += 1
        if self._polls > _POLLS_BEFORE_IDLE and self._line is not None:
            self._line.idle()
        return status

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR1:
            self._check_cr1(value, old)
        elif offset in (_BRR, _CR2, _CR3) and value != old and self.values[_CR1] & _UE:
            name = self.registers[offset].name
            raise Violation(Rule.UART_CHANGED, f"{name} is changed while the UART is enabled", self.base + offset)
        elif offset == _TDR:
            self._transmit(value & 0xFF)
        return value

    def _check_cr1(self, value: int, old: int) -> None:
        if value & _INTERRUPTS:
            raise Violation(Rule.INTERRUPT, f"{self.name} interrupts are not modelled", self.base + _CR1)
        if value & _UE and value & _FORMAT:
            raise Violation(Rule.UART_FORMAT, f"{self.name}: only 8 data bits, no parity", self.base + _CR1)
        if value & old & _UE and (value ^ old) & (_FORMAT | _OVER8):
            raise Violation(
                Rule.UART_CHANGED, f"{self.name}_CR1's frame format is changed while enabled", self.base + _CR1
            )

    def _transmit(self, byte: int) -> None:
        self._polls = 0
        enabled = self.values[_CR1]
        if not enabled & _UE or not enabled & _TE:
            raise Violation(
                Rule.UART_OFF, f"{self.name} is given a byte to send while UE or TE is off", self.base + _TDR
            )
        if self._line is not None:
            self._check_line(self._context.board.serial.tx)
            self._line.send(byte)

    def _check_line(self, pin: str) -> None:
        """The pin must be the UART's, and the baud rate the board's: else the other end would see garbage."""
        serial = self._context.board.serial
        reason = self._context.isolated(pin) if pin and self._context.isolated is not None else ""
        if reason:
            message = f"{self.name} is used while its pin {pin} is cut off from its pad: {reason}"
            raise Violation(Rule.UART_SUPPLY, message, self.base + _TDR)
        if pin and self._context.pins is not None:
            function = self._context.pins(pin)
            if function != serial.alternate_function:
                state = "in no alternate function" if function is None else f"in alternate function {function}"
                raise Violation(
                    Rule.UART_PIN,
                    f"{self.name} is used while its pin {pin} is {state}, not {serial.alternate_function}",
                    self.base + _TDR,
                )
        if self._context.clocks is None:
            return
        divider = self.divider()
        baud = self._context.clocks.hz(self.name) / divider if divider else 0.0
        if abs(baud / serial.baud - 1) > _BAUD_TOLERANCE:
            raise Violation(
                Rule.BAUD,
                f"{self.name} runs at {baud:.0f} baud; the board's link is {serial.baud} baud",
                self.base + _BRR,
            )

    def divider(self) -> float:
        """Clocks in a bit."""
        brr = self.values[_BRR]
        return (brr & 0xFFF0 | (brr & 7) << 1) / 2 if self.values[_CR1] & _OVER8 else brr


def build(context: Context) -> list[Peripheral]:
    wired = context.board.serial.uart.upper()
    return [Usart(context, name, context.line if name == wired else None, base) for name, base in _BASES.items()]
