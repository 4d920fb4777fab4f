"""Programming that ends half way: a killed programmer, one that hangs, Ctrl-C, and a gdb server that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.fake_programmer import HALF_WAY, FakeProgrammer

from edgekit import boards, flasher
from edgekit.errors import Exit, FlashError
from edgekit.flasher import RUNNERS, FlashJob

BOARD = boards.load("stm32f746")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_programmer_that_is_killed_from_outside(on_path: Path, elf: Path, number: signal.Signals) -> None:
    """With a helper that goes on and holds its output open, as a shell script around the real one leaves it."""
    fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "hang", helper=True)
    if number == signal.SIGTERM:
        fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "SIGTERM", helper=True)
    else:
        threading.Thread(target=lambda: os.kill(fake.pids()[0], number), daemon=True).start()
    with pytest.raises(FlashError, match=number.name) as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"], seconds=60)
    assert raised.value.code == "flash.interrupted" and raised.value.exit is Exit.FLASH
    assert "may hold only a part of the image" in raised.value.hint and "edgekit flash" in raised.value.hint
    assert fake.all_gone()


@pytest.mark.parametrize("stubborn", [False, True], ids=["lets go", "ignores SIGTERM"])
def test_a_programmer_that_hangs_is_ended_with_all_that_it_started(
    on_path: Path, elf: Path, stubborn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.flasher.program._END", 1.0)
    fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "hang", helper=True, stubborn=stubborn)
    with pytest.raises(FlashError, match="Programming Started") as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"], seconds=1.0)
    assert raised.value.code == "flash.timeout" and "only a part of the image" in raised.value.hint
    assert fake.let_go is not stubborn
    assert fake.all_gone()


def flash_command(build_folder: Path, path: Path) -> subprocess.Popen[str]:
    """`edgekit flash --json`, interruptible however the tests were started."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from edgekit.cli import main; main()"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EDGEKIT_")} | {"PATH": str(path)}
    argv = [sys.executable, "-c", code, "flash", "--json"]
    return subprocess.Popen(
        argv, cwd=build_folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_ends_the_programmer_in_order_and_is_130(build_folder: Path, on_path: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "hang", helper=True)
    with flash_command(build_folder, on_path) as command:
        fake.pids()
        command.send_signal(signal.SIGINT)
        output, said = command.communicate(timeout=60)
    assert command.returncode == Exit.INTERRUPTED == 130
    assert [e["code"] for e in json.loads(output)["errors"]] == ["flash.interrupted"]
    assert "only a part of the image" in said and "Traceback" not in said
    assert fake.let_go, "the programmer had no chance to let go of probe and chip"
    assert fake.all_gone()


def test_ctrl_c_twice_does_not_wait_for_a_programmer_that_will_not_end(build_folder: Path, on_path: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "hang", helper=True, stubborn=True)
    with flash_command(build_folder, on_path) as command:
        fake.pids()
        command.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            command.wait(1)
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    assert command.returncode == Exit.INTERRUPTED
    assert fake.all_gone()


def test_a_killed_edgekit_leaves_the_programmer_to_finish(build_folder: Path, on_path: Path) -> None:
    fake = FakeProgrammer(on_path, "openocd", HALF_WAY, "hang")
    with flash_command(build_folder, on_path) as command:
        (pid,) = fake.pids()
        command.kill()
    try:
        os.kill(pid, 0)
        assert not fake.let_go
    finally:
        os.kill(pid, signal.SIGKILL)
    assert fake.all_gone()
