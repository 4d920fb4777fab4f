"""Programming a board: exact commands, and every failure that a programmer has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_programmer import GDB_DONE, GDB_OK, HALF_WAY, OPENOCD_DONE, OPENOCD_OK, FakeProgrammer

from edgekit import boards, flasher
from edgekit.errors import ConfigError, FlashError, UsageError
from edgekit.flasher import RUNNERS, FlashJob

BOARD = boards.load("stm32f746")


def test_openocd_is_given_exactly_this(on_path: Path, elf: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    done = flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"])
    assert done.argv == ("openocd", *(fake.argv or []))
    assert fake.argv == ["-f", "board/stm32f7discovery.cfg", "-c", f"program {{{elf}}} verify reset exit"]
    assert done.verified


def test_openocd_without_verify_is_given_exactly_this(on_path: Path, elf: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", OPENOCD_DONE)
    assert not flasher.flash(FlashJob(elf, BOARD, verify=False), RUNNERS["openocd"]).verified
    assert fake.argv == ["-f", "board/stm32f7discovery.cfg", "-c", f"program {{{elf}}} reset exit"]


@pytest.mark.parametrize("program", ["gdb-multiarch", "arm-none-eabi-gdb"])
def test_gdb_is_given_exactly_this(on_path: Path, elf: Path, program: str) -> None:
    fake = FakeProgrammer(on_path, program, GDB_OK)
    flasher.flash(FlashJob(elf, BOARD, server="probe.local:2331"), RUNNERS["gdb"])
    assert fake.argv == [
        *("-nx", "-batch"),
        *("-ex", "set confirm off"),
        *("-ex", "set pagination off"),
        *("-ex", "set tcp auto-retry off"),
        *("-ex", "set tcp connect-timeout 10"),
        *("-ex", "target extended-remote probe.local:2331"),
        *("-ex", "load"),
        *("-ex", "compare-sections"),
        *("-ex", "set $xpsr = 0x1000000"),
        *("-ex", "monitor reset"),
        *("-ex", "detach"),
        str(elf),
    ]


def test_gdb_without_verify_compares_nothing(on_path: Path, elf: Path) -> None:
    fake = FakeProgrammer(on_path, "gdb-multiarch", GDB_DONE)
    flasher.flash(FlashJob(elf, BOARD, verify=False), RUNNERS["gdb"])
    assert fake.argv is not None and "compare-sections" not in fake.argv


FAILURES = {
    # OpenOCD's words as it has them; each with what it ends with.
    "openocd": {
        "busy": ("Error: libusb_open() failed with LIBUSB_ERROR_BUSY\nError: open failed", 1, "flash.busy"),
        "port taken": ("Error: couldn't bind gdb to socket on port 3333: Address already in use", 1, "flash.busy"),
        "no permission": (
            "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed",
            1,
            "flash.permission",
        ),
        "several probes": ("Error: Multiple devices found, specify the desired device", 1, "flash.ambiguous"),
        "no probe": ("Error: open failed\nin procedure 'program'\n** OpenOCD init failed **", 1, "flash.no_probe"),
        "no target": ("Error: init mode failed (unable to connect to the target)", 1, "flash.no_target"),
        "wrong chip": ("Error: Cannot identify target as a STM32F2/4/7\nError: auto_probe failed", 1, "flash.chip"),
        "wrong id": (
            "Warn : stm32f7x.cpu: UNEXPECTED idcode: 0x2ba01477\nError: expected 1 of 1: 0x5ba02477",
            1,
            "flash.chip",
        ),
        "mismatch": (
            f"{OPENOCD_DONE}Error: checksum mismatch\n** Verify Failed **\nshutdown command",
            1,
            "flash.verify",
        ),
        "not verified": (OPENOCD_DONE, 0, "flash.verify"),
        "unplugged": (
            "** Programming Started **\nError: libusb_bulk_write error: LIBUSB_ERROR_NO_DEVICE",
            1,
            "flash.interrupted",
        ),
        "killed": (HALF_WAY, "SIGKILL", "flash.interrupted"),
        "terminated": (HALF_WAY, "SIGTERM", "flash.interrupted"),
        "killed by a shell": (HALF_WAY, 137, "flash.interrupted"),
        "programming failed": ("Error: error writing to flash\n** Programming Failed **", 1, "flash.failed"),
        "not in UTF-8": ("Error: Fl\xe4che \xff\xfe ist gesperrt", 1, "flash.failed"),
        "silent": ("", 1, "flash.failed"),
        "silent success": ("", 0, "flash.failed"),
    },
    "gdb-multiarch": {
        "no server": ("localhost:3333: Connection refused.", 1, "flash.no_server"),
        "no server, but 0": ("localhost:3333: Connection timed out.", 0, "flash.no_server"),
        "busy": ("Error: connection rejected: the target is in use", 1, "flash.busy"),
        "wrong chip": ("Remote 'g' packet reply is too long (expected 168 bytes, got 680 bytes)", 1, "flash.chip"),
        "no such memory": ("Loading section .vectors\nCannot access memory at address 0x8000000", 1, "flash.chip"),
        "mismatch": (f"{GDB_DONE}Section .text, range 0x0 -- 0x9: MIS-MATCHED!", 0, "flash.verify"),
        "not verified": (GDB_DONE, 0, "flash.verify"),
        "unplugged": (
            "Loading section .text\nRemote communication error.  Target disconnected.",
            1,
            "flash.interrupted",
        ),
        "killed": ("Loading section .text", "SIGKILL", "flash.interrupted"),
        "server killed, and what follows": (
            "Loading section .text\nRemote connection closed\nSection .text, range 0x0 -- 0x9: MIS-MATCHED!",
            1,
            "flash.interrupted",
        ),
        "server killed before the comparison": (
            f"{GDB_DONE}Remote connection closed\n{GDB_OK}",
            1,
            "flash.interrupted",
        ),
        "a server that says nothing": (
            "Ignoring packet error, continuing...\nSection .text, range 0x0 -- 0x9: MIS-MATCHED!\n"
            "Remote replied unexpectedly to 'vMustReplyEmpty': timeout",
            1,
            "flash.no_server",
        ),
        "silent": ("", 1, "flash.failed"),
        "silent success": ("", 0, "flash.failed"),
    },
}


@pytest.mark.parametrize(
    ("program", "case"), [(program, case) for program, cases in FAILURES.items() for case in cases]
)
def test_every_failure_of_a_programmer_has_a_name(on_path: Path, elf: Path, program: str, case: str) -> None:
    output, ending, code = FAILURES[program][case]
    FakeProgrammer(on_path, program, output, ending)
    runner = next(r for r in RUNNERS.values() if program in r.programs)
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD), runner)
    assert raised.value.code == code
    assert raised.value.hint
    assert int(raised.value.exit) == 8


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
def test_an_absent_programmer_says_how_to_get_it(on_path: Path, elf: Path, runner: flasher.Runner) -> None:
    with pytest.raises(FlashError, match="not on the PATH") as raised:
        flasher.flash(FlashJob(elf, BOARD), runner)
    assert raised.value.code == "flash.absent"
    assert "apt-get install" in raised.value.hint


def test_the_runner_is_the_boards_first_one_that_is_known() -> None:
    assert flasher.choose(BOARD).name == "openocd"
    assert flasher.choose(BOARD, "gdb").name == "gdb"
    with pytest.raises(UsageError, match="no runner is called 'stlink'"):
        flasher.choose(BOARD, "stlink")
    unknown = replace(BOARD, flash=replace(BOARD.flash, runners=("pyocd",)))
    with pytest.raises(UsageError, match="pyocd"):
        flasher.choose(unknown)


def test_openocd_needs_its_name_of_the_board_and_a_path_it_can_take(tmp_path: Path, elf: Path) -> None:
    nameless = replace(BOARD, flash=replace(BOARD.flash, openocd=None))
    with pytest.raises(ConfigError) as raised:
        flasher.command(FlashJob(elf, nameless), RUNNERS["openocd"])
    assert raised.value.code == "flash.openocd"
    with pytest.raises(UsageError) as refused:
        flasher.command(FlashJob(tmp_path / "{a" / "firmware.elf", BOARD), RUNNERS["openocd"])
    assert refused.value.code == "flash.path"


def test_openocd_has_the_boards_configurations() -> None:
    scripts = Path("/usr/share/openocd/scripts/board")
    if not scripts.is_dir():
        pytest.skip("OpenOCD's scripts are not in /usr/share/openocd")
    named = [b.flash.openocd.board for b in boards.load_all() if b.flash.openocd is not None]
    assert named and all((scripts / f"{name}.cfg").is_file() for name in named)


def test_a_probe_that_may_not_be_opened_is_told_with_the_remedy(on_path: Path, elf: Path) -> None:
    FakeProgrammer(on_path, "openocd", "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", 1)
    with pytest.raises(FlashError, match="LIBUSB_ERROR_ACCESS") as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"])
    assert "udev" in raised.value.hint


@pytest.mark.parametrize(("output", "times"), [("x" * 1000, 5000), ("Info : halted\n", 500_000)])
def test_any_amount_of_output_is_taken_and_a_little_repeated(on_path: Path, elf: Path, output: str, times: int) -> None:
    FakeProgrammer(on_path, "openocd", output, 1, times=times)
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"])
    assert raised.value.code == "flash.failed"
    assert len(raised.value.message) < 400


def test_success_is_seen_behind_any_amount_of_output(on_path: Path, elf: Path) -> None:
    FakeProgrammer(on_path, "openocd", "Info : halted\n" * 100_000 + OPENOCD_OK)
    assert flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"]).verified
