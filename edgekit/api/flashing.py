"""`edgekit flash` as a function: program the board, verify, reset, and ask the device which build it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import flasher
from ..boards import Board
from ..config.settings import resolve
from ..errors import DeviceError, FlashError, LinkError, UsageError
from ..flasher import FlashJob, Runner
from ..link import Session, serial_stream
from ..profiler.connect import find_port
from ..results import Json
from ..workspace import BuildFolder
from .device import Job, open_job


@dataclass(frozen=True, slots=True)
class FlashResult:
    """What was programmed.

    argv      the programmer's command
    verified  the programmer read the flash back and found the image
    answered  the device said after its reset that it runs this build; False where it was not asked, `note` says why
    seconds   wall time of the programmer; None for a dry run
    """

    model: str
    board: str
    build_id: str
    elf: Path
    runner: str
    argv: tuple[str, ...]
    verified: bool
    answered: bool
    note: str
    seconds: float | None

    def to_json(self) -> Json:
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("elf", "argv")}
        return {**plain, "elf": str(self.elf), "argv": list(self.argv)}


def flash(
    directory: Path | str | None = None,
    *,
    runner: str | None = None,
    device: str | None = None,
    server: str = flasher.GDB_SERVER,
    verify: bool = True,
    dry_run: bool = False,
    start: Path | str = ".",
) -> FlashResult:
    """Program a build (default: the project's newest) into its board.

    device  serial port to ask the build id at; without one, the port that the board's USB identity shows
    server  HOST:PORT of the gdb server, for the runner gdb
    FlashError where programming or verifying fails, or the device then says that it runs another build.
    """
    opened = open_job(directory, Path(start))
    folder, board = opened.folder, opened.board
    if board.is_host:
        raise UsageError("flash.host", f"{board.title} has no flash", "`edgekit run` starts the program by itself")
    chosen = flasher.choose(board, runner)
    job = FlashJob(folder.elf, board, verify, server)
    if dry_run:
        note = "dry run: nothing was programmed"
        return _result(opened, chosen, flasher.command(job, chosen), False, (False, note), None)
    port = resolve("device", device, opened.project).value
    if port is None and chosen.searches:
        _refuse_several(board)
    done = flasher.flash(job, chosen)
    answer = _ask(folder, board, port)
    return _result(opened, chosen, done.argv, done.verified, answer, done.seconds)


def _result(
    job: Job, runner: Runner, argv: tuple[str, ...], verified: bool, answer: tuple[bool, str], seconds: float | None
) -> FlashResult:
    folder = job.folder
    return FlashResult(
        folder.model_name, folder.board, folder.build_id, folder.elf, runner.name, argv, verified, *answer, seconds
    )


def _refuse_several(board: Board) -> None:
    """A programmer takes the first probe that it finds: DeviceError before it writes to one of several boards."""
    try:
        find_port(board)
    except DeviceError as error:
        if error.code == "device.ambiguous":
            hint = "unplug all but one, or name its port with --device PORT: it is then asked which build it runs"
            raise DeviceError(error.code, error.message, hint) from None


def _ask(folder: BuildFolder, board: Board, port: str | None) -> tuple[bool, str]:
    """Whether the device said that it runs the build, and why it was not asked."""
    try:
        name = port if port is not None else find_port(board)
    except DeviceError as error:
        return False, f"the device was not asked which build it runs: {error.message}"
    try:
        with Session(serial_stream(name, board.serial.baud), expected_build_id=folder.build_id) as session:
            session.hello()
    except LinkError as error:
        if error.code != "link.build_mismatch":
            raise
        raise FlashError(
            "flash.build_id",
            f"the programmer succeeded, but the device at {name} runs another build: {error.message}",
            "is the port another board's? name the right one with --device PORT",
        ) from error
    return True, ""
