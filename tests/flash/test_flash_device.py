"""After programming: the build id asked back, what the command line says, boards that could be taken for each other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports
from support.fake_programmer import OPENOCD_OK, FakeProgrammer
from support.models import ROOT

from edgekit import boards, emulate
from edgekit.api import flash
from edgekit.errors import DeviceError, FlashError, UsageError

BOARD = boards.load("stm32f746")
DIGITS = ROOT / "examples" / "digits"


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


def two_boards(usb: str) -> list[SimpleNamespace]:
    vid, pid = (int(part, 16) for part in usb.split(":"))
    return [SimpleNamespace(device=f"/dev/ttyACM{n}", vid=vid, pid=pid) for n in range(2)]


def test_one_of_two_boards_is_not_programmed_by_chance(
    build_folder: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenOCD would take the first probe that it finds."""
    monkeypatch.setattr(list_ports, "comports", lambda: two_boards(BOARD.detect.usb[0]))
    monkeypatch.delenv("EDGEKIT_DEVICE", raising=False)
    fake = FakeProgrammer(on_path, "openocd", OPENOCD_OK)
    with pytest.raises(DeviceError, match="ttyACM0, /dev/ttyACM1") as raised:
        flash(build_folder)
    assert raised.value.code == "device.ambiguous" and "unplug" in raised.value.hint
    assert fake.argv is None, "the programmer was started"
