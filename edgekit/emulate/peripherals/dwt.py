"""The data watchpoint and trace unit: its cycle counter, which on the emulated core counts instructions."""

from __future__ import annotations

from .base import WORD, Context, Register, RegisterBlock

BASE = 0xE0001000

_CTRL, _CYCCNT, _LAR, _LSR = 0x00, 0x04, 0xFB0, 0xFB4
_CYCCNTENA = 1
_KEY = 0xC5ACCE55
_TRCENA = 1 << 24
DEMCR = 0xDFC  # in the system control space


class Dwt(RegisterBlock):
    """CYCCNT is the number of instructions executed while it was enabled, plus the clocks spent waiting for the host
    (so that timeouts expire). It is no cycle count: a cycle-exact model of the core is not attempted.

    Writes are ignored while DEMCR.TRCENA is off and, on a core with a lock, until the lock is open.
    """

    size = 0x1000

    def __init__(self, context: Context, system: RegisterBlock) -> None:
        self._context = context
        self._system = system
        self._offset = 0  # CYCCNT = now - offset while counting
        self._locks = context.features.core == "cortex-m7"
        self._open = not self._locks
        registers = {
            _CTRL: Register("DWT_CTRL", 0x40000000, 0x007F1FFF),
            _CYCCNT: Register("DWT_CYCCNT"),
            **{o: Register(f"DWT_{n}CNT") for o, n in ((0x08, "CPI"), (0x0C, "EXC"), (0x10, "SLEEP"), (0x14, "LSU"))},
            0x18: Register("DWT_FOLDCNT"),
            0x1C: Register("DWT_PCSR", 0, 0),
            _LAR: Register("DWT_LAR"),
            _LSR: Register("DWT_LSR", 0, 0),
        }
        super().__init__("DWT", BASE, registers)

    def reset(self) -> None:
        super().reset()
        self._open = not self._locks

    def _enabled(self) -> bool:
        return bool(self._system.values[DEMCR] & _TRCENA)

    def loaded(self, offset: int, value: int) -> int:
        if offset == _LSR:
            return 0 if not self._locks else 1 if self._open else 3
        if offset == _CYCCNT and self._counting():
            return self._context.now() - self._offset & WORD
        return value

    def _counting(self) -> bool:
        return self._enabled() and bool(self.values[_CTRL] & _CYCCNTENA)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _LAR:
            self._open = value == _KEY or not self._locks
            return 0
        if not self._enabled() or not self._open:
            return old
        if offset == _CYCCNT:
            self._offset = self._context.now() - value
        elif offset == _CTRL and (value ^ old) & _CYCCNTENA:
            if value & _CYCCNTENA:
                self._offset = self._context.now() - self.values[_CYCCNT]
            else:
                self.values[_CYCCNT] = self._context.now() - self._offset & WORD
        return value
