"""What a user sees when an emulated board faults, is killed or is interrupted; nothing is left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.models import ROOT

from edgekit.builder.elf import read_image
from edgekit.errors import Exit

pytest.importorskip("unicorn")
pytest.importorskip("capstone")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds children in /proc")

WRITES_NOWHERE = "4ff0c040 0060"  # mov.w r0, #0x60000000; str r0, [r0]
LOOPS = "00bf fde7"  # nop; b.n to it


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example, built for a board of each emulator."""
    folder = tmp_path_factory.mktemp("emulated") / "digits"
    shutil.copytree(ROOT / "examples" / "digits", folder, ignore=shutil.ignore_patterns("build"))
    for board in ("stm32f746", "mps2-an386"):
        argv = [sys.executable, "-m", "edgekit", "build", "--board", board]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def patched(project: Path, board: str, code: str, tmp_path: Path) -> Path:
    """A build whose third layer has other instructions four bytes behind its entry."""
    out = tmp_path / "out"
    shutil.copytree(project / "build" / board, out)
    elf = out / "firmware.elf"
    layer = next(f for f in read_image(elf).functions if f.name.startswith("layer_02"))
    data = bytearray(elf.read_bytes())
    segment = next(s for s in program_headers(data) if s[1] <= layer.address < s[1] + s[2])
    at = segment[0] + layer.address - segment[1] + 4
    new = bytes.fromhex(code)
    data[at : at + len(new)] = new
    elf.write_bytes(data)
    return out


def program_headers(elf: bytes) -> list[tuple[int, int, int]]:
    """(offset in the file, virtual address, bytes) of an ELF file's segments."""
    first, size, count = (int.from_bytes(elf[i : i + n], "little") for i, n in ((28, 4), (42, 2), (44, 2)))
    rows = [elf[first + i * size :] for i in range(count)]
    return [tuple(int.from_bytes(row[i : i + 4], "little") for i in (4, 8, 16)) for row in rows]  # type: ignore[misc]


def command(*arguments: object) -> subprocess.Popen[str]:
    """A command of edgekit's, interruptible however the tests were started."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from edgekit.cli import main; main()"
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def child_of(process: subprocess.Popen[str], name: str) -> int:
    """The pid of the child whose command line has `name`, once it has computed for a while."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for pid in map(int, listed.read_text().split()):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11]
            if name in line and int(spent) > os.sysconf("SC_CLK_TCK"):
                return pid
        time.sleep(0.05)
    raise AssertionError(f"no {name} was started: {process.communicate()}")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("verb", ["run", "profile"])
def test_a_fault_in_a_layer_is_told_with_its_place_and_registers(verb: str, project: Path, tmp_path: Path) -> None:
    out = patched(project, "stm32f746g-disco", WRITES_NOWHERE, tmp_path)
    with command(verb, out, "--emulate", "--json") as process:
        output, said = process.communicate(timeout=120)
    assert process.returncode == Exit.LINK
    error = json.loads(output)["errors"][0]
    assert error["code"] == "device.fault"
    first, *registers = error["message"].splitlines()
    assert first.startswith("unmapped-write: 4 bytes are written at 0x60000000")
    assert "in layer_02" in first and "layer 2 (" in first and first.endswith("str r0, [r0]")
    assert "r0 0x60000000" in registers[0] and any("lr 0x" in row for row in registers)
    assert "BusFault" in error["hint"]
    assert "Traceback" not in said and error["message"] in said


@pytest.mark.parametrize(
    ("board", "child", "says"),
    [
        ("stm32f746g-disco", "edgekit.emulate", "the emulator process died of signal 9"),
        ("mps2-an386", "qemu-system-arm", "qemu-system-arm died"),
    ],
)
def test_an_emulator_that_is_killed_is_an_error_at_once(
    board: str, child: str, says: str, project: Path, tmp_path: Path
) -> None:
    if child == "qemu-system-arm" and shutil.which(child) is None:
        pytest.skip(f"{child} is not on the PATH")
    with command("run", patched(project, board, LOOPS, tmp_path), "--emulate", "--json") as process:
        pid = child_of(process, child)
        os.kill(pid, signal.SIGKILL)
        output, said = process.communicate(timeout=20)
    assert process.returncode == Exit.DEVICE
    error = json.loads(output)["errors"][0]
    assert error["code"] == "emulator.died" and says in error["message"] and error["hint"]
    assert "Traceback" not in said
    assert gone(pid)


@pytest.mark.parametrize(
    ("board", "child"), [("stm32f746g-disco", "edgekit.emulate"), ("mps2-an386", "qemu-system-arm")]
)
def test_ctrl_c_leaves_no_emulator_behind(board: str, child: str, project: Path, tmp_path: Path) -> None:
    if child == "qemu-system-arm" and shutil.which(child) is None:
        pytest.skip(f"{child} is not on the PATH")
    with command("run", patched(project, board, LOOPS, tmp_path), "--emulate") as process:
        pid = child_of(process, child)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == Exit.INTERRUPTED
    assert "Traceback" not in said
    assert gone(pid)
