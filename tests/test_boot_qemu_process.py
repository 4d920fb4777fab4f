"""QEMU as a process: where it is missing, dies or cannot start, and board files that name a wrong machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.models import ROOT
from support.qemu import require_qemu, sources_for
from support.toolchains import require

import edgekit
from edgekit import boards, emulate
from edgekit.boards import Board
from edgekit.builder import build_firmware
from edgekit.errors import ConfigError, DeviceError, Exit, LinkError, ToolchainError
from edgekit.link import Session, serial_stream

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.fixture
def qemu() -> str:
    return require_qemu()


@pytest.fixture
def board() -> Board:
    return boards.load("mps2-an500")


def test_without_qemu_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Board
) -> None:
    edgekit.build(DIGITS, board=board.name, out=tmp_path / "out", toolchain=require("gnu"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError) as caught:
        edgekit.profile(tmp_path / "out", emulate=True)
    assert caught.value.code == "emulator.missing"
    assert caught.value.exit == Exit.TOOLCHAIN == 6
    assert "qemu-system-arm" in caught.value.hint


def test_a_killed_qemu_is_noticed(tmp_path: Path, qemu: str, board: Board) -> None:
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require("gnu"))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        session.hello()
        os.kill(machine.pid, signal.SIGKILL)
        with pytest.raises(LinkError, match="lost"):
            session.hello()
        with pytest.raises(DeviceError, match=r"qemu-system-arm died \(signal 9\)"):
            machine.fault()


def test_what_qemu_says_when_it_cannot_start_is_told(tmp_path: Path, qemu: str, board: Board) -> None:
    with emulate.start(tmp_path / "gone.elf", board) as machine:
        os.waitid(os.P_PID, machine.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(DeviceError, match=r"exit code 1.*gone\.elf"):
            machine.fault()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends a child with its parent on Linux only")
def test_qemu_does_not_outlive_a_killed_host(tmp_path: Path, qemu: str, board: Board) -> None:
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require("gnu"))
    script = f"""
import sys
from pathlib import Path
from edgekit import boards, emulate
from edgekit.link import Session, serial_stream
machine = emulate.start(Path({str(artifact.elf)!r}), boards.load({board.name!r}))
Session(serial_stream(machine.port)).hello()
print(machine.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        assert alive(pid)
        host.kill()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_close_ends_qemu_and_may_be_called_again(tmp_path: Path, qemu: str, board: Board) -> None:
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require("gnu"))
    machine = emulate.start(artifact.elf, board)
    machine.close()
    machine.close()
    assert not alive(machine.pid)


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ('machine = "mps2-an500"', 'machine = "mps2-an50"', "machine =", "did you mean mps2-an500"),
        ('machine = "mps2-an500"', "", "engine =", "machine"),
        ('engine = "qemu"', 'engine = "unicorn"', "machine =", 'for the engine "qemu"'),
        ('core = "cortex-m7"', 'core = "cortex-m4"', "core =", "mps2-an500 has a cortex-m7"),
        ('engine = "qemu"', 'engine = "qemu"\nperipherals = ["dwt"]', "peripherals", "the machine's own"),
    ],
)
def test_a_wrong_machine_names_file_line_and_problem(
    tmp_path: Path, board: Board, old: str, new: str, at: str, says: str
) -> None:
    text = board.path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "board.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        boards.read(path)
    rows = path.read_text(encoding="utf-8").splitlines()
    line = next(i for i, row in enumerate(rows, 1) if row.startswith(at))
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert says in f"{caught.value.message} {caught.value.hint}"
