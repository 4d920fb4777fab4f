"""gdb's `load` over any gdb server: OpenOCD, pyOCD, J-Link, a Black Magic probe, QEMU."""

from __future__ import annotations

import re

from ...errors import FlashError
from ..judge import UNKNOWN_STATE, failed, first_match, interrupted
from ..types import FlashJob, Outcome, Runner

NAME = "gdb"

_CONNECT_SECONDS = 10
_THUMB = 1 << 24  # the only bit of xPSR that is set after a reset

_LOST = r"Remote connection closed|Remote communication error|Connection reset by peer|[Tt]imed out waiting"

# A connection that was lost comes before what gdb then says of the file that it compares with itself.
_PATTERNS = (
    (
        r"[Cc]onnection refused|could not connect|[Cc]onnection timed out|No route to host|Name or service not known"
        r"|Remote replied unexpectedly",
        FlashError(
            "flash.no_server",
            "no gdb server answers",
            "start one, as `openocd -f board/NAME.cfg`, or name another with --server HOST:PORT",
        ),
    ),
    (
        rf"{_LOST}|Ignoring packet error",
        FlashError(
            "flash.interrupted",
            "the connection to the gdb server was lost",
            UNKNOWN_STATE,
        ),
    ),
    (
        r"rejected|already (?:in use|connected)|[Rr]esource busy",
        FlashError(
            "flash.busy",
            "the gdb server is in use",
            "close the debugger that is connected to it",
        ),
    ),
    (
        r"MIS-MATCHED",
        FlashError(
            "flash.verify",
            "the memory does not hold what was written",
            "try again; if it stays, the flash is worn or write-protected, or the server cannot write flash",
        ),
    ),
    (
        r"packet reply is too long|Truncated register|Cannot access memory|Remote failure reply"
        r"|Load failed|Memory map .* does not|not in any memory region|Error erasing flash",
        FlashError(
            "flash.chip",
            "the connected part takes no image at these addresses",
            "connect the board that the image was built for, through a server that can write its flash",
        ),
    ),
)


def argv(job: FlashJob, program: str) -> tuple[str, ...]:
    """The command. The part starts by its own reset where the server knows `monitor reset`, else by a jump to the
    image's entry, which `load` leaves in the program counter."""
    steps = [
        "set confirm off",
        "set pagination off",
        "set tcp auto-retry off",
        f"set tcp connect-timeout {_CONNECT_SECONDS}",
        f"target extended-remote {job.server}",
        "load",
        *(["compare-sections"] if job.verify else []),
        f"set $xpsr = {_THUMB:#x}",
        "monitor reset",
        "detach",
    ]
    return (program, "-nx", "-batch", *(word for step in steps for word in ("-ex", step)), str(job.elf.resolve()))


def judge(job: FlashJob, outcome: Outcome) -> FlashError | None:
    """gdb goes on after a step that failed, and what its exit code says of that differs between versions. Where the
    connection is lost, it goes on with the file in the board's place, and may well find that the two match."""
    error = interrupted(NAME, outcome)
    if error is not None:
        return error
    loaded = "Transfer rate:" in outcome.output
    verified = ": matched." in outcome.output and "MIS-MATCHED" not in outcome.output
    lost = re.search(_LOST, outcome.output) is not None
    if loaded and not lost and (verified or not job.verify):
        return None
    error = first_match(_PATTERNS, outcome.output)
    if error is None and loaded and outcome.code == 0:
        return FlashError("flash.verify", "gdb ended without saying that the sections match", UNKNOWN_STATE)
    return error or failed(NAME, outcome)


RUNNER = Runner(
    NAME,
    ("arm-none-eabi-gdb", "gdb-multiarch"),
    "apt-get install gdb-multiarch, brew install arm-none-eabi-gdb, or Arm's GNU toolchain",
    argv,
    False,
    judge,
)
