"""Programming a board: exact commands, every failure a programmer has, and gdb's load for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from serial.tools import list_ports
from support.fake_programmer import FakeProgrammer
from support.handmade import tiny
from support.models import ROOT
from support.toolchains import NAMES, require

from edgekit import boards, emulate, flasher
from edgekit.api import flash
from edgekit.builder import build_firmware
from edgekit.errors import ConfigError, Exit, FlashError, UsageError
from edgekit.flasher import RUNNERS, FlashJob
from edgekit.link import Session, serial_stream

BOARD = boards.load("stm32f746")
DIGITS = ROOT / "examples" / "digits"

OPENOCD_DONE = "** Programming Started **\n** Programming Finished **\n"
OPENOCD_OK = (
    f"Open On-Chip Debugger 0.12.0\n{OPENOCD_DONE}** Verify Started **\n** Verified OK **\n** Resetting Target **"
)
GDB_DONE = "Loading section .vectors, size 0x1c8 lma 0x8000000\nTransfer rate: 33 KB/sec, 2048 bytes/write.\n"
GDB_OK = f"{GDB_DONE}Section .vectors, range 0x200000 -- 0x2001c8: matched."


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    path = tmp_path / "with space" / "firmware.elf"
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF")
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


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
        "killed": ("** Programming Started **", "SIGKILL", "flash.interrupted"),
        "terminated": ("** Programming Started **", "SIGTERM", "flash.interrupted"),
        "killed by a shell": ("** Programming Started **", 137, "flash.interrupted"),
        "programming failed": ("Error: error writing to flash\n** Programming Failed **", 1, "flash.failed"),
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


def test_a_programmer_that_hangs_is_stopped(on_path: Path, elf: Path) -> None:
    FakeProgrammer(on_path, "openocd", "** Programming Started **", "hang")
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"], seconds=1.0)
    assert raised.value.code == "flash.timeout"


def test_ctrl_c_while_writing_is_130_and_says_that_the_flash_is_half_written(on_path: Path, elf: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", "** Programming Started **", "hang")
    code = (
        "import sys; from pathlib import Path; from edgekit import boards, flasher\n"
        "from edgekit.errors import FlashError\n"
        "job = flasher.FlashJob(Path(sys.argv[1]), boards.load('stm32f746'))\n"
        "try: flasher.flash(job, flasher.RUNNERS['openocd'])\n"
        "except FlashError as error: print(error.code); sys.exit(int(error.exit))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(elf)], stdout=subprocess.PIPE, text=True)
    for _ in range(600):
        if (fake.folder / "started").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output.strip()) == (int(Exit.INTERRUPTED), "flash.interrupted")


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


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example, built for the STM32F746."""
    project = tmp_path_factory.mktemp("flash") / "digits"
    shutil.copytree(DIGITS, project, ignore=shutil.ignore_patterns("build"))
    argv = [sys.executable, "-m", "edgekit", "build", "--board", "stm32f746"]
    subprocess.run(argv, cwd=project, check=True, capture_output=True, timeout=300)
    return project / "build" / BOARD.name


def test_the_device_is_asked_which_build_it_runs(build_folder: Path, on_path: Path) -> None:
    """The programmer is a fake and the device an emulated one that runs the image."""
    FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    with emulate.start(build_folder / "firmware.elf", BOARD) as device:
        result = flash(build_folder, device=device.port)
    assert result.answered and result.verified and result.note == ""


def test_a_device_that_runs_another_build_is_an_error(build_folder: Path, on_path: Path, tmp_path: Path) -> None:
    FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    other = tmp_path / "other"
    shutil.copytree(build_folder, other)
    record = json.loads((other / "build.json").read_text())
    (other / "build.json").write_text(json.dumps(record | {"build_id": "0" * 16}))
    with (
        emulate.start(build_folder / "firmware.elf", BOARD) as device,
        pytest.raises(FlashError, match="runs another build") as raised,
    ):
        flash(other, device=device.port)
    assert raised.value.code == "flash.build_id"


def test_without_a_serial_port_the_device_is_not_asked_and_that_is_said(
    build_folder: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: [])
    monkeypatch.delenv("EDGEKIT_DEVICE", raising=False)
    FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    result = flash(build_folder)
    assert not result.answered
    assert "not asked" in result.note
    assert BOARD.title in result.note


def test_a_dry_run_programs_nothing_and_needs_no_programmer(build_folder: Path, on_path: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    result = flash(build_folder, dry_run=True)
    assert fake.argv is None
    assert result.argv[0] == "openocd" and result.seconds is None and not result.verified
    fake.program.unlink()
    assert flash(build_folder, dry_run=True).argv == result.argv


def edgekit(*arguments: object, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EDGEKIT_")} | {"PATH": str(path)}
    command = [sys.executable, "-m", "edgekit", "flash", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_the_command_prints_the_programmers_command(build_folder: Path, on_path: Path) -> None:
    done = edgekit("--dry-run", "--json", path=on_path, cwd=build_folder)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    assert data["argv"][:3] == ["openocd", "-f", "board/stm32f7discovery.cfg"]
    assert "openocd -f board/stm32f7discovery.cfg" in done.stderr


def test_the_command_fails_with_8_and_the_errors_code(build_folder: Path, on_path: Path) -> None:
    done = edgekit("--json", path=on_path, cwd=build_folder)
    assert done.returncode == 8
    assert [e["code"] for e in json.loads(done.stdout)["errors"]] == ["flash.absent"]


def test_this_machine_has_no_flash(tmp_path: Path) -> None:
    record = {"schema": 1, "board": "host", "io": "model", "build_id": "0" * 16, "elf": "firmware", "model": "digits"}
    (tmp_path / "build.json").write_text(json.dumps(record))
    shutil.copy(DIGITS / "digits.tflite", tmp_path / "model.tflite")
    with pytest.raises(UsageError) as raised:
        flash(tmp_path)
    assert raised.value.code == "flash.host"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def qemu_server() -> Iterator[tuple[str, str]]:
    """An empty machine that waits at QEMU's gdb server: the server's address, and its UART's."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not on the PATH")
    if not any(shutil.which(p) for p in RUNNERS["gdb"].programs):
        pytest.skip(f"none of {', '.join(RUNNERS['gdb'].programs)} is on the PATH")
    server, uart = free_port(), free_port()
    argv = ["qemu-system-arm", "-M", "mps2-an500", "-display", "none", "-monitor", "none", "-S"]
    argv += ["-gdb", f"tcp:127.0.0.1:{server}", "-serial", f"tcp:127.0.0.1:{uart},server=on,wait=off"]
    process = subprocess.Popen(argv)
    try:
        yield f"127.0.0.1:{server}", f"socket://127.0.0.1:{uart}"
    finally:
        process.kill()
        process.wait()


def image_for_qemu(tmp_path: Path) -> tuple[FlashJob, str]:
    """An image for the machine, and its build id."""
    board = boards.load("mps2-an500")
    artifact = build_firmware(tiny(names=("psram", "ssram23")), board, tmp_path / "out", toolchain=require(NAMES[0]))
    return FlashJob(artifact.elf, board), artifact.build_id


def test_gdb_loads_verifies_and_starts_an_image_for_real(tmp_path: Path, qemu_server: tuple[str, str]) -> None:
    job, build_id = image_for_qemu(tmp_path)
    server, uart = qemu_server
    assert flasher.flash(replace(job, server=server), RUNNERS["gdb"]).verified
    with Session(serial_stream(uart), timeout=60, expected_build_id=build_id) as session:
        assert session.hello().boot_count == 1


def test_verification_finds_what_a_server_did_not_write_for_real(
    build_folder: Path, qemu_server: tuple[str, str]
) -> None:
    """The machine has no memory where this board has its flash, and QEMU takes writes to nowhere without a word."""
    with pytest.raises(FlashError, match="MIS-MATCHED") as raised:
        flasher.flash(FlashJob(build_folder / "firmware.elf", BOARD, server=qemu_server[0]), RUNNERS["gdb"])
    assert raised.value.code == "flash.verify"


def test_gdb_without_a_server_says_so_for_real(tmp_path: Path, elf: Path) -> None:
    if not any(shutil.which(p) for p in RUNNERS["gdb"].programs):
        pytest.skip(f"none of {', '.join(RUNNERS['gdb'].programs)} is on the PATH")
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD, server=f"127.0.0.1:{free_port()}"), RUNNERS["gdb"])
    assert raised.value.code == "flash.no_server"


def test_openocd_without_a_probe_says_so_for_real(elf: Path) -> None:
    if shutil.which("openocd") is None:
        pytest.skip("openocd is not on the PATH")
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"])
    assert raised.value.code in ("flash.no_probe", "flash.permission")
