"""Reach the device that runs a build: a board on a serial port, an emulated board, or a process on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from serial.tools import list_ports

from .. import emulate as emulator
from ..boards import Board
from ..builder.elf import read_image
from ..errors import DeviceError, LinkError, UsageError
from ..link import DeviceFaultError, Inference, Session, describe
from ..link.transports import process_stream, serial_stream
from ..results import Target
from ..workspace import BuildFolder
from .costs import cycle_table

_EMULATED_ANSWER = 60.0
"""Seconds that an emulated board may take to answer a command: a busy machine may starve it for long, and one that
ends or stops on a fault breaks the line at once."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open session and what kind of device answers it.

    marks  per-layer counts of the inference that ended last, where the device is emulated
    """

    session: Session
    target: Target
    board: Board
    marks: Callable[[Inference], emulator.Marks | None]


@contextmanager
def connect(
    folder: BuildFolder, board: Board, *, emulate: bool, port: str | None, timeout: float
) -> Iterator[Connection]:
    """Open a session with the device, and close it (and an emulator started for it) afterwards.

    DeviceError where no device or more than one answers to the board's description.
    """
    if board.is_host:
        with Session(
            process_stream([str(folder.elf)]), infer_timeout=timeout, expected_build_id=folder.build_id
        ) as session:
            yield Connection(session, "host", board, lambda _: None)
    elif emulate:
        if port is not None:
            raise UsageError("device.both", "--emulate and --device exclude each other")
        with (
            emulator.start(folder.elf, board, cycles=cycle_table(board), timeout=timeout) as machine,
            _naming_faults(machine, folder),
            locating_faults(folder),
            Session(
                serial_stream(machine.port, board.serial.baud),
                timeout=_EMULATED_ANSWER,
                infer_timeout=timeout,
                expected_build_id=folder.build_id,
            ) as session,
        ):
            yield _emulated(session, board, machine)
    else:
        name = port if port is not None else find_port(board)
        with (
            locating_faults(folder),
            Session(
                serial_stream(name, board.serial.baud), infer_timeout=timeout, expected_build_id=folder.build_id
            ) as session,
        ):
            yield Connection(session, "hardware", board, lambda _: None)


def _emulated(session: Session, board: Board, machine: emulator.EmulatedBoard | emulator.QemuBoard) -> Connection:
    if isinstance(machine, emulator.EmulatedBoard):
        return Connection(session, "emulated", board, lambda _: machine.marks())

    def marks(inference: Inference) -> emulator.Marks:
        return machine.marks([layer.ticks for layer in inference.layers], session.hello().tick_hz)

    return Connection(session, "qemu", board, marks)


@contextmanager
def _naming_faults(machine: emulator.EmulatedBoard | emulator.QemuBoard, folder: BuildFolder) -> Iterator[None]:
    """A link that went dead because the emulated board stopped on a fault becomes an error that names the fault, and
    one that went dead, or could not be opened, because the emulator died becomes one that says so."""
    try:
        yield
    except (LinkError, DeviceError) as error:
        fault = machine.fault()
        if fault is None:
            raise
        raise fault.error([layer["name"] for layer in folder.layers]) from error


@contextmanager
def locating_faults(folder: BuildFolder) -> Iterator[None]:
    """A fault that the device reports becomes an error that names function, layer and address."""
    try:
        yield
    except DeviceFaultError as error:
        functions = read_image(folder.elf).functions
        pc = error.fault.pc & ~1
        where = next((f.name for f in functions if f.address <= pc < f.address + f.size), "code of no function")
        layers = [layer["name"] for layer in folder.layers]
        raise LinkError(
            "device.fault", f"the device faulted in {where}: {describe(error.fault, layers)}", "reset the device"
        ) from error


def find_port(board: Board) -> str:
    """The one serial port whose USB identity the board's file names."""
    wanted = {usb.lower() for usb in board.detect.usb}
    ports = list(list_ports.comports())
    matching = [p.device for p in ports if p.vid is not None and f"{p.vid:04x}:{p.pid:04x}" in wanted]
    if len(matching) == 1:
        return str(matching[0])
    if matching:
        raise DeviceError(
            "device.ambiguous",
            f"{len(matching)} devices look like a {board.title}: {', '.join(matching)}",
            "choose one with --device PORT",
        )
    others = ", ".join(p.device for p in ports) or "none"
    looked = ", ".join(sorted(wanted)) or "nothing"
    raise DeviceError(
        "device.none",
        f"no {board.title} is connected (looked for USB {looked}; serial ports: {others})",
        "connect the board, name its port with --device PORT, or run the same image with --emulate",
    )
