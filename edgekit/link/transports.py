"""Byte streams to a device: a serial port, a pseudo-terminal, a socket, a process's stdin and stdout."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import serial

from edgekit import children
from edgekit.errors import DeviceError, LinkError

_SERIAL_SLICE = 0.05  # seconds; pyserial's read timeout. Changing it at every read would reconfigure the port.
_WRITE_TIMEOUT = 10.0  # seconds until a serial port that takes no bytes counts as dead
_END_OF_PROCESS = 2.0  # seconds that a process gets to leave after its stdin was closed


class Stream(Protocol):
    """Bytes to and from a device. Every call returns in bounded time.

    A link that is gone raises LinkError("link.lost").
    """

    seconds_per_byte: float
    """The transmission time of one byte, 0 where it is negligible or unknown."""

    def read(self, n: int, timeout: float) -> bytes:
        """What is there, at most n bytes; waits up to `timeout` seconds for the first. Empty on timeout."""
        ...

    def write(self, data: bytes) -> None:
        """Hand over all of `data`."""
        ...

    def close(self) -> None:
        """Give the link back. May be called again."""
        ...


def serial_stream(port: str, baud: int = 115200) -> Stream:
    """A serial port, a pseudo-terminal, or what else pyserial opens, as socket://host:port.

    Raises DeviceError where it cannot be opened.
    """
    try:
        opened = serial.serial_for_url(
            port, baudrate=baud, timeout=_SERIAL_SLICE, write_timeout=_WRITE_TIMEOUT, do_not_open=True
        )
        if "://" not in port and os.name == "posix":
            opened.exclusive = True  # two hosts on one port would read each other's replies
        opened.open()
    except (serial.SerialException, OSError, ValueError) as error:
        raise DeviceError(
            "device.port", f"cannot open {port}: {error}", "is the board connected, the port free, and yours to use?"
        ) from error
    return _SerialStream(opened, port, 0.0 if "://" in port else 10.0 / baud)


class _SerialStream:
    def __init__(self, opened: serial.SerialBase, name: str, seconds_per_byte: float) -> None:
        self.seconds_per_byte = seconds_per_byte
        self._port = opened
        self._name = name

    def read(self, n: int, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        try:
            while True:
                data = bytes(self._port.read(min(n, max(1, self._port.in_waiting))))
                if data or time.monotonic() >= deadline:
                    return data
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: pyserial, read on a closed port
            raise self._lost(error) from error

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError, TypeError) as error:
            raise self._lost(error) from error

    def close(self) -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            self._port.close()

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(
            "link.lost", f"the connection to {self._name} was lost: {error}", "is the board still connected?"
        )


def process_stream(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Stream:
    """A process that speaks the protocol on stdin and stdout. Raises DeviceError where it cannot be started."""
    return _ProcessStream([str(arg) for arg in argv], env)


class _ProcessStream:
    """stdout is read by a thread, because no portable call waits for a pipe with a timeout."""

    seconds_per_byte = 0.0

    def __init__(self, argv: list[str], env: Mapping[str, str] | None) -> None:
        self._name = argv[0]
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, env=env, bufsize=0
            )
        except OSError as error:
            self._stderr.close()
            raise DeviceError("device.process", f"cannot start {self._name}: {error.strerror}") from error
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""
        self._ended = False
        self._closed = False
        self._pump = threading.Thread(target=self._read_stdout, name="edgekit-process-stdout", daemon=True)
        self._pump.start()

    def read(self, n: int, timeout: float) -> bytes:
        if not self._rest and not self._ended:
            with contextlib.suppress(queue.Empty):
                self._rest = self._arrived.get(timeout=timeout) if timeout > 0 else self._arrived.get_nowait()
                self._ended = not self._rest
        if self._ended or self._closed:
            raise self._lost()
        data, self._rest = self._rest[:n], self._rest[n:]
        return data

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except (OSError, ValueError) as error:  # ValueError: closed by close()
            raise self._lost() from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        assert self._process.stdout is not None
        children.close(self._process, _END_OF_PROCESS)
        self._pump.join(_END_OF_PROCESS)
        self._process.stdout.close()
        self._stderr.close()

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while data := self._process.stdout.read(65536):
                self._arrived.put(data)
        self._arrived.put(b"")  # the end

    def _lost(self) -> LinkError:
        if self._closed:
            return LinkError("link.lost", f"the connection to {self._name} was closed")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_OF_PROCESS)
        how = children.how_it_ended(self._process.returncode)
        said = children.said(self._stderr, 2000).strip()
        return LinkError("link.lost", f"{self._name} {how}" + (f", saying: {said}" if said else ""))
