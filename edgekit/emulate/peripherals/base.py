"""What a modelled peripheral is: a block of registers, and what it may ask of the rest of the board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ...boards import Board
from ..faults import Violation
from ..features import Features
from ..rules import Rule

WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register.

    name      as the vendor names it
    reset     value after a reset
    writable  the bits that software can set and clear; a write leaves the others as they are
    """

    name: str
    reset: int = 0
    writable: int = WORD


class Peripheral(Protocol):
    """An address range of the board."""

    name: str
    base: int
    size: int

    def reset(self) -> None:
        """Back to the state after a reset."""
        ...

    def read(self, offset: int, size: int) -> int:
        """A read of 1, 2 or 4 bytes, aligned to its size. Raises Violation."""
        ...

    def write(self, offset: int, size: int, value: int) -> None:
        """A write of 1, 2 or 4 bytes, aligned to its size. Raises Violation."""
        ...


class RegisterBlock:
    """A peripheral whose registers hold what is written, but where a subclass says otherwise.

    The hooks `loaded` and `stored` see whole registers; narrower accesses are spread over them.
    """

    name: str
    size = 0x400

    def __init__(self, name: str, base: int, registers: Mapping[int, Register]) -> None:
        self.name = name
        self.base = base
        self.registers = registers
        self.values: dict[int, int] = {}
        self.reset()

    def reset(self) -> None:
        self.values = {offset: register.reset for offset, register in self.registers.items()}

    def permit(self, offset: int, write: bool) -> None:
        """Raise Violation where the peripheral may not be accessed now, as without its clock."""

    def loaded(self, offset: int, value: int) -> int:
        """What a read returns; may have effects, as reading a data register has."""
        return value

    def stored(self, offset: int, value: int, old: int) -> int:
        """What a write leaves in the register; `value` has the unwritable bits of `old`."""
        return value

    def read(self, offset: int, size: int) -> int:
        self.permit(offset, False)
        word = offset & ~3
        self._known(word)
        value = self.loaded(word, self.values[word])
        return value >> 8 * (offset - word) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        self.permit(offset, True)
        word = offset & ~3
        register = self._known(word)
        shift = 8 * (offset - word)
        lanes = ((1 << 8 * size) - 1) << shift
        old = self.values[word]
        mask = lanes & register.writable
        self.values[word] = self.stored(word, old & ~mask | value << shift & mask, old)

    def _known(self, offset: int) -> Register:
        register = self.registers.get(offset)
        if register is None:
            raise Violation(
                Rule.NO_REGISTER,
                f"{self.name} has no register at offset 0x{offset:x}, or it is not modelled",
                self.base + offset,
            )
        return register


class Clocks(Protocol):
    """The clock tree, as other peripherals see it."""

    def enabled(self, peripheral: str) -> bool:
        """Whether the peripheral's clock is on."""
        ...

    def hz(self, clock: str) -> int:
        """Frequency of "SYSCLK", "HCLK", "PCLK1", "PCLK2" or the clock selected for a UART, by the UART's name."""
        ...


class HostLine(Protocol):
    """The host's end of a serial line."""

    def receive(self) -> int | None:
        """The next byte from the host, None where there is none."""
        ...

    def send(self, byte: int) -> None:
        """A byte to the host."""
        ...

    def idle(self) -> None:
        """The firmware waits for a byte and does nothing else: let time pass."""
        ...


@dataclass
class Context:
    """What a peripheral may ask of the machine.

    now      time since power-up in core clocks: instructions executed, plus what was spent waiting for the host
    reset    ask for a system reset, which happens before the next instruction
    fpu      called when the firmware allows or forbids the FPU in CPACR
    traps    called with CCR.UNALIGN_TRP and DIV_0_TRP when they change
    clocks   set by the part's clock controller
    latency  set by the part's flash interface: wait states
    power    set by the part's power controller: the highest core clock it allows, in Hz
    pins     set by the part's ports: (pin) -> its alternate function, None where the pin is in another mode
    isolated set by the part's power controller: (pin) -> what keeps the pin cut off from its pad, "" where nothing does
    """

    board: Board
    features: Features
    line: HostLine
    now: Callable[[], int]
    reset: Callable[[], None]
    fpu: Callable[[bool], None]
    traps: Callable[[bool, bool], None]
    clocks: Clocks | None = None
    latency: Callable[[], int] | None = None
    power: Callable[[], int] | None = None
    pins: Callable[[str], int | None] | None = None
    isolated: Callable[[str], str] | None = None


def clocked(context: Context, name: str, base: int) -> None:
    """Raise Violation where a peripheral is accessed without its clock."""
    if context.clocks is not None and not context.clocks.enabled(name):
        raise Violation(Rule.UNCLOCKED, f"{name} is accessed while its clock is off", base)
