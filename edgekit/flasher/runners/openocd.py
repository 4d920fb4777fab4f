"""OpenOCD, through its `program` command: halts the part, erases, writes, verifies, resets and exits."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError, FlashError, UsageError
from ..judge import UNKNOWN_STATE, failed, first_match, interrupted
from ..types import FlashJob, Outcome, Runner

NAME = "openocd"

# A lost connection comes before the failures that it leads to.
_PATTERNS = (
    (
        r"LIBUSB_ERROR_BUSY|[Aa]ddress already in use|couldn't bind .* to socket",
        FlashError(
            "flash.busy",
            "the probe is in use",
            "close the debugger or the other OpenOCD that holds it",
        ),
    ),
    (
        r"[Mm]ultiple (?:devices|probes|adapters|matching)|[Mm]ore than one",
        FlashError(
            "flash.ambiguous",
            "several probes are connected",
            "unplug all but the board's own",
        ),
    ),
    (
        r"LIBUSB_ERROR_ACCESS|[Pp]ermission denied",
        FlashError(
            "flash.permission",
            "the probe may not be opened",
            "install OpenOCD's udev rules (60-openocd.rules) and plug the board in again",
        ),
    ),
    (
        r"LIBUSB_ERROR_(?:NO_DEVICE|IO|PIPE)|communication failure",
        FlashError(
            "flash.interrupted",
            "the connection to the board was lost",
            UNKNOWN_STATE,
        ),
    ),
    (
        r"Error: open failed|ST-LINK open failed|unable to (?:open|find)|no device found",
        FlashError(
            "flash.no_probe",
            "no probe was found",
            "connect the board's debug port by USB, with a cable that carries data",
        ),
    ),
    (
        r"unable to connect to the target|init mode failed|cannot read IDR|[Tt]arget not examined",
        FlashError(
            "flash.no_target",
            "the probe is there, but the chip does not answer it",
            "check the board's power and its jumpers; hold its reset button down while the command starts",
        ),
    ),
    (
        r"UNEXPECTED idcode|expected \d+ of \d+: 0x|Cannot identify target|[Uu]nknown (?:device|chip) id"
        r"|auto_probe failed|incorrect device ID|flash bank .* not probed",
        FlashError(
            "flash.chip",
            "another chip is connected than the board's file says",
            "name the board that it is: `edgekit build --board BOARD`, then flash that",
        ),
    ),
    (
        r"\*\* Verify Failed \*\*|checksum mismatch|contents differ",
        FlashError(
            "flash.verify",
            "the flash does not hold what was written",
            "try again; if it stays, the flash is worn or write-protected, or the power supply is weak",
        ),
    ),
)


def argv(job: FlashJob, program: str) -> tuple[str, ...]:
    """The command. ConfigError where the board's file does not say which configuration is the board's."""
    if job.board.flash.openocd is None:
        raise ConfigError(
            "flash.openocd",
            f"{job.board.path}: [flash] names no openocd.board",
            'add openocd.board = "NAME" (board/NAME.cfg in OpenOCD\'s scripts), or choose another --runner',
        )
    steps = ["program", _quoted(job.elf.resolve()), *(["verify"] if job.verify else []), "reset", "exit"]
    return (program, "-f", f"board/{job.board.flash.openocd.board}.cfg", "-c", " ".join(steps))


def _quoted(path: Path) -> str:
    """A Tcl word that stands for the path. UsageError for one that OpenOCD's `program` cannot be given."""
    text = path.as_posix()
    if any(c in text for c in "{}\\\n"):
        raise UsageError(
            "flash.path", f"OpenOCD takes no path with braces or backslashes: {text}", "build elsewhere: -o"
        )
    return f"{{{text}}}"


def judge(job: FlashJob, outcome: Outcome) -> FlashError | None:
    error = interrupted(NAME, outcome)
    if error is not None:
        return error
    if outcome.code != 0:
        return first_match(_PATTERNS, outcome.output) or failed(NAME, outcome)
    if "** Programming Finished **" not in outcome.output:
        return failed(NAME, outcome)
    if job.verify and "** Verified OK **" not in outcome.output:
        return FlashError("flash.verify", "openocd ended without saying that the image was verified", UNKNOWN_STATE)
    return None


RUNNER = Runner(
    NAME, ("openocd",), "apt-get install openocd, brew install open-ocd, or https://openocd.org", argv, True, judge
)
