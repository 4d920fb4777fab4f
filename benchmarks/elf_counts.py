"""What an ELF file of any engine executes between two places, by instruction class, on an emulated board.

The file has to be for bare metal, for the memories and peripherals of one of boards/, and must not need interrupts. It
runs from reset; counting begins at the entry of a function and ends when that returns, or at the entry of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards import Board
from edgekit.emulate.classes import Cycles, cost
from edgekit.emulate.engines import require
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine
from edgekit.errors import DeviceError, UsageError

_PATIENCE = 3600.0  # seconds of computing until an image counts as stuck


@dataclass(frozen=True, slots=True)
class Executed:
    """instructions: exact; classes: class -> how often (see edgekit.emulate.classes)."""

    instructions: int
    classes: Mapping[str, int]

    def cycles(self, table: Cycles) -> int:
        """Estimated cycles. ConfigError where a class ran of which the table says that the core has none."""
        return round(cost(tuple((name, n) for name, n in self.classes.items() if n), table))


class Silence:
    """A serial line with nobody at the other end; the machine stops where the image waits for somebody."""

    machine: Machine | None = None

    def receive(self) -> int | None:
        return None

    def send(self, byte: int) -> None:
        pass

    def idle(self) -> None:
        if self.machine is not None:
            self.machine.stop()


def count(elf: Path, board: Board, begin: str = "", end: str = "") -> Executed:
    """Run an ELF file from reset and count between two places.

    begin  a function, at whose first entry counting begins; empty: at reset
    end    a function, at whose next entry it ends; empty: when `begin` returns

    UsageError for a function that is not there, Halted where the image stops on a fault, DeviceError where it waits for
    a host before it is through.
    """
    require()
    image, line = read_image(elf), Silence()
    if not begin and not end:
        raise UsageError("count.span", "neither begin nor end is named", "name one of the two")
    for name in filter(None, (begin, end)):
        if name not in image.symbols:
            raise UsageError("count.symbol", f"{elf} has no symbol {name}", "see arm-none-eabi-nm")
    line.machine = machine = Machine(image, board, line, stall=_PATIENCE)
    return run(machine, image.symbols.get(begin, 0) & ~1, image.symbols.get(end, 0) & ~1)


def run(machine: Machine, begin: int, end: int) -> Executed:
    """As count(), for addresses without the Thumb bit; 0 where none is named."""
    span = _Span(machine, begin, end)
    machine.run()
    if span.waits_for_return():
        machine.run()
    if span.executed is None:
        where = "what is counted is over" if span.begun else "what is to be counted begins"
        raise DeviceError("count.waits", f"the image waits for its host before {where}")
    return span.executed


class _Span:
    """From `begin` to `end`. Hooks are seen by blocks that are translated after them, so the one behind the call is set
    while the engine stands still, one block into `begin`."""

    def __init__(self, machine: Machine, begin: int, end: int) -> None:
        self.begun = not begin
        self.executed: Executed | None = None
        self._machine, self._counter = machine, machine.counter
        self._begin, self._end, self._before = begin, end, 0
        self._stack = 0
        self._return: int | None = None
        if begin:
            machine.engine.hook("code", self._entered, begin, begin)
        else:
            self._counter.tally(None)
        if end:
            machine.engine.hook("code", self._reached, end, end)

    def waits_for_return(self) -> bool:
        """Whether the engine stopped for the hook behind the call, which is then there."""
        if self._return is None or self.executed is not None:
            return False
        engine = self._machine.engine
        engine.uc.ctl_remove_cache(self._return, self._return + 2)
        engine.hook("code", self._returned, self._return, self._return)
        return True

    def _entered(self, _uc: object, address: int, _size: int, _data: object) -> None:
        if self.begun:
            return
        self.begun, self._before = True, self._counter.before(address)
        self._counter.tally(address)
        if not self._end:
            self._stack, self._return = self._machine.engine.get("sp"), self._machine.engine.get("lr") & ~1
            self._machine.stop()

    def _returned(self, uc: object, address: int, size: int, data: object) -> None:
        if self._machine.engine.get("sp") == self._stack:  # not that of a call from within
            self._reached(uc, address, size, data)

    def _reached(self, _uc: object, address: int, _size: int, _data: object) -> None:
        if not self.begun or self.executed is not None:
            return
        instructions = self._counter.before(address) - self._before
        self.executed = Executed(instructions, self._counter.tallied(address))
        self._machine.stop()
