"""The emulated board: core, memories, peripherals and counters around one image."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..boards import Board
from ..errors import DeviceError
from . import classes, diagnose
from .bus import Bus
from .classes import Cycles
from .counters import Counter, Marks
from .engine import OK, PAGE, Engine
from .faults import FaultReport, Halted, Violation
from .features import features_of
from .guards import Guards
from .image import Image
from .isa_check import disassemble
from .memory_map import boot_address, map_memories
from .peripherals import build
from .peripherals.base import Context, HostLine
from .rules import Rule

_SLICE = 1.0  # seconds after which the engine is stopped to look around
_INSN_INVALID = 10
_SLEEPS = ("wfi", "wfi.w", "wfe", "wfe.w")


class Machine:
    """One board with one image.

    line         the host's end of the board's UART
    cycles       instruction class -> cycles, for estimates; None without
    on_marks     called with the counts of every inference that ended
    on_reset     called when the firmware has reset the board
    on_slice     called about once a second, and at every layer
    stall        seconds of processor time without a layer's mark or traffic with the host, after which the firmware
                 counts as stuck

    Raises Halted(FaultReport) from the constructor where the image cannot run on the core at all.
    """

    def __init__(
        self,
        image: Image,
        board: Board,
        line: HostLine,
        *,
        cycles: Cycles | None = None,
        on_marks: Callable[[Marks], None] = lambda marks: None,
        on_reset: Callable[[], None] = lambda: None,
        on_slice: Callable[[], None] = lambda: None,
        stall: float = 30.0,
    ) -> None:
        if cycles is not None:
            classes.check_table(cycles)
        self._image, self._board, self._line = image, board, line
        self._on_marks, self._on_reset, self._on_slice, self._stall = on_marks, on_reset, on_slice, stall
        features = features_of(board.mcu.core, board.mcu.fpu)
        self._listing = disassemble(image, features)
        if self._listing.faults:
            raise Halted(self._listing.faults[0])
        self.counter = Counter(self._listing, cycles)
        self.idle_clocks = 0
        self._fault: Violation | None = None
        self._reset_asked = False
        self._stopped = False
        self._asked = False  # a callback stopped the engine in the middle of a block
        self._pending: list[Callable[[], None]] = []
        self._alive_at = time.process_time()
        self._engine = Engine(features)
        map_memories(self._engine, board, image)
        context = Context(
            board,
            features,
            line,
            now=self._now,
            reset=self._ask_reset,
            fpu=self._fpu,
            traps=lambda unaligned, division: self._later(lambda: self._guards.trap(unaligned, division)),
        )
        self._fpu_on = False
        self._system, blocks = build(context)
        self._bus = Bus(blocks, PAGE)
        for address, size in self._bus.ranges():
            self._engine.map_device(address, size, self._read, self._write)
        stack_low = image.symbols.get("__ek_stack_low")
        self._guards = Guards(self._engine, self._listing, stack_low, self._violated)
        self._hook()
        self._boot_at = boot_address(board)
        self._pc = 0
        self._reset()

    def run(self) -> None:
        """Run until stop() is called; may be called again, to go on. Raises Halted on a fault."""
        self._stopped = False
        while not self._stopped:
            self._slice()

    def stop(self) -> None:
        """Make run() return soon; from a callback."""
        self._stopped = True
        self._engine.interrupt()

    def idle(self, clocks: int) -> None:
        """The firmware waited for the host: time passes that no instruction accounts for."""
        self.idle_clocks += clocks
        self.alive()

    @property
    def engine(self) -> Engine:
        return self._engine

    def alive(self) -> None:
        """There was traffic with the host: the firmware is not stuck."""
        self._alive_at = time.process_time()

    @property
    def layer(self) -> int | None:
        return self.counter.layer

    def _hook(self) -> None:
        engine = self._engine
        engine.trace_blocks(self.counter.trace.append)
        engine.hook("translated", self._translated)
        engine.hook("invalid", self._invalid)
        engine.hook("exception", self._exception)
        for address, size in self._bus.ranges():
            engine.hook("memory", self._to_bus, address, address + size - 1)
        mark = self._image.symbols.get("ek_agent_mark")
        if mark is not None and "ek_firmware" in self._image.symbols:
            engine.hook("code", self._mark, mark & ~1, mark & ~1)
        for name in ("ek_agent_pull", "ek_agent_push"):
            waits = self._image.symbols.get(name)
            if waits is not None:
                engine.hook("code", self._waits, waits & ~1, waits & ~1)

    def _slice(self) -> None:
        size, count = self._engine.block_at(self._pc)
        self.counter.translated(self._pc, size, count)
        error = self._engine.run(self._pc, _SLICE)
        self._pc = self._engine.get("pc") & ~1
        if self._fault is not None:
            self._halt(self._fault)
        before = self._listing.before(self._pc)
        if self._listing.text(before) in _SLEEPS and not (self._asked or self._engine.between_blocks):
            message = "the core sleeps until an interrupt or an event, which are not modelled"
            self._halt(Violation(Rule.ASLEEP, message, None, before))
        if error != OK:
            self._halt(self._engine_error(error))
        self._asked = False
        if not self._engine.between_blocks:
            self.counter.retract(self._pc)
        if self._reset_asked:
            self._reset_asked = False
            self._pending.clear()
            self.counter.forget()
            self._reset()
            self._on_reset()
        for action in self._pending:
            action()
        self._pending.clear()
        self.counter.flush()
        self._check_progress()
        self._on_slice()

    def _engine_error(self, error: int) -> Violation:
        if error == _INSN_INVALID:
            return Violation(Rule.UNDEFINED, "an undefined instruction is executed", None, self._pc)
        raise DeviceError(
            "emulator.stopped", f"the emulator's engine stopped with error {error} at pc 0x{self._pc:08x}"
        )

    def _check_progress(self) -> None:
        if time.process_time() - self._alive_at > self._stall:
            message = f"no layer began and nothing was sent or received for {self._stall:g} s of computing"
            self._halt(Violation(Rule.STALLED, message, None, self._pc))

    def _reset(self) -> None:
        """As after a system reset: registers, peripherals, vector table; memories keep what they hold."""
        self._bus.reset()
        self._system.boot_from(self._boot_at)
        self._fpu_on = False
        self._guards.allow_fpu(False)
        self._guards.trap(unaligned=False, division=False)
        vectors = self._engine.read(self._boot_at, 8)
        stack, entry = int.from_bytes(vectors[:4], "little"), int.from_bytes(vectors[4:], "little")
        self._pc = entry & ~1
        complaint = diagnose.vector_table(self._board, self._image, self._boot_at, stack, entry)
        if complaint is not None:
            raise Halted(FaultReport(complaint.rule, complaint.message, entry & ~1))
        for register in (*(f"r{n}" for n in range(13)), "primask", "basepri", "faultmask", "control"):
            self._engine.set(register, 0)
        self._engine.set("lr", 0xFFFFFFFF)
        self._engine.set("sp", stack)
        self.alive()

    # What the engine calls back.

    def _to_bus(self, _uc: Any, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        """Before a peripheral is accessed. Being called makes the engine's pc exact, which its timers rely on."""
        self._engine.leave_it_block()
        if address % size:
            message = f"{size} bytes of a peripheral are accessed at 0x{address:08x}"
            self._violated(Violation(Rule.UNALIGNED_PERIPHERAL, message, address))

    def _read(self, address: int, size: int) -> int:
        try:
            return self._bus.read(address, size)
        except Violation as violation:
            self._violated(violation)
            return 0

    def _write(self, address: int, size: int, value: int) -> None:
        try:
            self._bus.write(address, size, value)
        except Violation as violation:
            self._violated(violation)

    def _translated(self, _uc: Any, block: Any, _previous: Any, _data: object) -> None:
        self.counter.translated(block.pc, block.size, block.icount)
        data, origin = self._engine.read(block.pc, block.size), self._jumped_from(block.pc)
        thumb = self._engine.thumb
        foreign = diagnose.block(self._image, self._listing, block.pc, block.icount, data, thumb, origin)
        if foreign is not None:
            self._violated(foreign)
        if block.icount == 1 and self._listing.text(block.pc) in (f"b #0x{block.pc:x}", f"b.w #0x{block.pc:x}"):
            self._violated(Violation(Rule.ENDLESS_LOOP, "an endless loop around nothing", None, block.pc))

    def _invalid(self, _uc: Any, kind: int, address: int, size: int, _value: int, _data: object) -> bool:
        on_bus = any(start <= address < start + length for start, length in self._bus.ranges())
        origin = self._jumped_from(address)
        self._violated(diagnose.access(kind, address, size, self._board, on_bus, origin))
        return False

    def _jumped_from(self, target: int) -> int:
        """The last instruction of the block that was executed last, before `target`."""
        return self._listing.before(self.counter.last_end(but=target))

    def _exception(self, _uc: Any, number: int, _data: object) -> None:
        pc = self._engine.get("pc") & ~1
        if number == diagnose.SVC:  # pc is the next instruction's
            pc = self._listing.before(pc)
        elif number == diagnose.FETCH:  # pc is the jump's target
            pc = self._jumped_from(pc)
        self._violated(diagnose.exception(number, pc))

    def _mark(self, _uc: Any, address: int, _size: int, _data: object) -> None:
        self.alive()
        self._on_slice()
        marks = self.counter.mark(self._engine.get("r1"), self._layers(), address, self._engine.get("lr") & ~1)
        if marks is not None:
            self._on_marks(marks)

    def _waits(self, _uc: Any, address: int, _size: int, _data: object) -> None:
        self.counter.pause(address, self._engine.get("lr") & ~1)

    def _layers(self) -> int:
        """ek_firmware.model->n_layers, by the ABI of edgekit.h."""
        model = int.from_bytes(self._engine.read(self._image.symbols["ek_firmware"], 4), "little")
        return int.from_bytes(self._engine.read(model + 4, 2), "little")

    # What the peripherals ask for.

    def _now(self) -> int:
        """Instructions before the one that asks, plus the clocks spent waiting."""
        return self.counter.before(self._engine.get("pc") & ~1) + self.idle_clocks

    def _ask_reset(self) -> None:
        self._reset_asked = True
        self._interrupt()

    def _fpu(self, allowed: bool) -> None:
        if allowed != self._fpu_on:
            self._fpu_on = allowed
            self._later(lambda: self._guards.allow_fpu(allowed))

    def _later(self, action: Callable[[], None]) -> None:
        """Do something that needs the engine stopped, and go on."""
        self._pending.append(action)
        self._interrupt()

    def _interrupt(self) -> None:
        self._asked = True
        self._engine.stop()

    def _violated(self, violation: Violation) -> None:
        if self._fault is None:
            self._fault = violation
        self._interrupt()

    def _halt(self, violation: Violation) -> None:
        self.counter.retract(self._pc)
        self.counter.flush()
        pc = self._pc if violation.pc is None else violation.pc
        raise Halted(diagnose.report(violation, pc, self.counter.layer, self._image, self._listing, self._engine))
