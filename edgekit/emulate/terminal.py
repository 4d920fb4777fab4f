"""The host's end of the emulated UART: a pseudo-terminal that a host opens like a serial port."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from ..errors import DeviceError

_FLUSH = 256  # bytes kept back at most, to spare a system call per byte
_NAP = 0.005  # seconds that one wait for a byte lasts at most
_STUCK = 10.0  # seconds that a host may leave its end full before what is sent is dropped


class Terminal:
    """A pseudo-terminal in raw mode; implements peripherals.base.HostLine.

    control    a file descriptor that is watched while the firmware waits, or None
    on_control called when it is readable
    on_idle    called with the seconds spent waiting
    on_traffic called when bytes passed
    """

    def __init__(
        self,
        control: int | None,
        on_control: Callable[[], None],
        on_idle: Callable[[float], None],
        on_traffic: Callable[[], None],
    ) -> None:
        if sys.platform == "win32":
            raise DeviceError(
                "emulator.platform",
                "the emulated board needs pseudo-terminals, which Windows does not have",
                "run edgekit under WSL",
            )
        import tty

        self._control = control
        self._on_control, self._on_idle, self._on_traffic = on_control, on_idle, on_traffic
        self._master, self._slave = (
            os.openpty()
        )  # our own end of the host's side keeps the line up while no host is there
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._incoming = b""
        self._at = 0
        self._outgoing = bytearray()

    def receive(self) -> int | None:
        if self._at >= len(self._incoming):
            try:
                self._incoming, self._at = os.read(self._master, 4096), 0
            except (BlockingIOError, OSError):
                return None
            if not self._incoming:
                return None
            self._on_traffic()
        self._at += 1
        return self._incoming[self._at - 1]

    def send(self, byte: int) -> None:
        self._outgoing.append(byte)
        if len(self._outgoing) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Hand over what was sent. A host that does not read for long loses it, as it would on a wire."""
        deadline = time.monotonic() + _STUCK
        while self._outgoing:
            with suppress(BlockingIOError):
                del self._outgoing[: os.write(self._master, self._outgoing)]
                self._on_traffic()
                continue
            if time.monotonic() > deadline:
                self._outgoing.clear()
            select.select([], [self._master], [], 0.1)

    def idle(self) -> None:
        self.flush()
        since = time.monotonic()
        watched = [self._master] if self._control is None else [self._master, self._control]
        ready, _, _ = select.select(watched, [], [], _NAP)
        if self._control in ready:
            self._on_control()
        self._on_idle(time.monotonic() - since)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)
