"""Every load and store of an inference that touches the arena, step by step.

A step begins where generated code calls out: at a layer's mark, or where it pulls or pushes a row.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .machine import Machine

_WIDEST = 8  # bytes that one access may have: it may begin that many less one below what is watched


@dataclass(frozen=True)
class Step:
    """What was accessed from one event to the next, in order.

    event    the name of the function that was called when the step began
    number   its second argument: the layer, or the row
    pc       per access, where the instruction lies; one that loads or stores several words has several accesses
    address  per access, the lowest byte's
    size     per access, bytes
    write    per access, whether it is a store
    """

    event: str
    number: int
    pc: npt.NDArray[np.uint32]
    address: npt.NDArray[np.uint32]
    size: npt.NDArray[np.int8]
    write: npt.NDArray[np.bool_]


class Tracer:
    """Records what a machine's core accesses.

    watched  (address, bytes) of the memories that count
    events   address -> name of the functions, of signature (user, number), whose calls begin a step
    take     gets every step when the next one begins; what it raises ends the run.
             What came before the first event, and what comes after the last one, it does not get
    """

    def __init__(
        self,
        machine: Machine,
        watched: Sequence[tuple[int, int]],
        events: Mapping[int, str],
        take: Callable[[Step], None],
    ) -> None:
        engine = machine.engine
        self._engine, self._executed = engine, machine.counter.before
        self._watched, self._events, self._take = watched, events, take
        self._pcs, self._addresses, self._sizes = array("I"), array("I"), array("b")  # sizes: negative for stores
        self._now: tuple[str, int] | None = None
        self._came = 0, 0  # the last event's address, and the instructions before it
        for address, size in watched:
            engine.trace_accesses("read", self._read, address - _WIDEST + 1, address + size - 1)
            engine.trace_accesses("write", self._write, address - _WIDEST + 1, address + size - 1)
        for address in events:
            engine.hook("code", self._event, address, address)

    def _read(self, pc: int, address: int, size: int) -> None:
        self._pcs.append(pc)
        self._addresses.append(address)
        self._sizes.append(size)

    def _write(self, pc: int, address: int, size: int) -> None:
        self._pcs.append(pc)
        self._addresses.append(address)
        self._sizes.append(-size)

    def _event(self, _uc: Any, address: int, _size: int, _data: object) -> None:
        came = address, self._executed(address)
        if came == self._came:
            return  # the engine was stopped between the last callback and the instruction
        self._came = came
        step = self._end(*self._now) if self._now is not None else None
        self._now = self._events[address], self._engine.get("r1")
        for trace in (self._pcs, self._addresses, self._sizes):
            del trace[:]
        if step is not None:
            self._take(step)

    def _end(self, event: str, number: int) -> Step:
        """The step that is over; its neighbours' accesses, which the hooks see as well, are left out."""
        address, size = np.array(self._addresses, np.uint32), np.array(self._sizes, np.int8)
        end = address.astype(np.int64) + np.abs(size)
        kept = np.zeros(len(address), np.bool_)
        for first, length in self._watched:
            kept |= (address < first + length) & (end > first)
        pc = np.array(self._pcs, np.uint32)
        return Step(event, number, pc[kept], address[kept], np.abs(size[kept]), size[kept] < 0)
