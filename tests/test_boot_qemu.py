"""Boards that QEMU emulates, a second emulator, which delivers exceptions: what all Cortex-M ports share (start-up,
reset and the fault handlers), and what a profile there says."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.handmade import INPUT_BYTES, expected, tiny
from support.models import ROOT, model_path
from support.toolchains import NAMES, require

import edgekit
from edgekit import boards, emulate
from edgekit.boards import Board
from edgekit.boards.status import record_boot, report_file
from edgekit.builder import build_firmware
from edgekit.builder.elf import Image, read_image
from edgekit.errors import ConfigError, DeviceError, Exit, LinkError, ToolchainError
from edgekit.link import DeviceFaultError, Fault, Session, process_stream, serial_stream
from edgekit_codegen.emit import Sources

DATA = bytes(range(INPUT_BYTES))
UNMAPPED = 0x70000000
BOARDS = ("mps2-an386", "mps2-an500")
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.fixture(params=NAMES)
def toolchain(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture
def qemu() -> str:
    found = shutil.which("qemu-system-arm")
    if found is None:
        pytest.skip("qemu-system-arm is not on the PATH")
    return found


@pytest.fixture
def board() -> Board:
    return boards.load("mps2-an500")


def sources_for(board: Board) -> Sources:
    first, second = boards.target(board).regions
    return tiny(names=(first.name, second.name))


def run(qemu: str, elf: Path) -> Session:
    argv = [qemu, "-M", "mps2-an500", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)]
    return Session(process_stream(argv), timeout=60)


def test_the_image_starts_answers_and_counts_its_boots(tmp_path: Path, qemu: str, board: Board, toolchain: str) -> None:
    artifact = build_firmware(sources_for(board), board, tmp_path / "out", toolchain=toolchain)
    with run(qemu, artifact.elf) as session:
        hello = session.hello()
        assert (hello.build_id, hello.boot_count) == (artifact.build_id, 1)
        assert session.infer([DATA]).outputs[0] == expected(DATA)
        assert artifact.stack_bytes is not None
        assert 0 < session.memory().stack_bytes <= artifact.stack_bytes
        session.reset()
        assert session.hello().boot_count == 2
        assert session.infer([DATA]).outputs[0] == expected(DATA)


def fault_of(tmp_path: Path, qemu: str, board: Board, toolchain: str, statement: str) -> tuple[Fault, Image]:
    """The fault of a model whose second layer starts with a C statement; afterwards a reset brings it back."""
    sources = sources_for(board)
    text = sources.files["tiny.c"].replace(
        "    const int8_t *in = ctx->region[1];\n", f"    const int8_t *in = ctx->region[1];\n    {statement}\n"
    )
    text = text.replace("static void layer_01", "__attribute__((noinline)) static void layer_01")
    sources = dataclasses.replace(sources, files={**sources.files, "tiny.c": text})
    artifact = build_firmware(sources, board, tmp_path / "out", toolchain=toolchain)
    with run(qemu, artifact.elf) as session:
        with pytest.raises(DeviceFaultError) as caught:
            session.infer([DATA])
        session.reset()
        assert session.hello().boot_count == 2
    return caught.value.fault, read_image(artifact.elf)


def holds(image: Image, name: str, address: int) -> bool:
    function = next(f for f in image.functions if f.name == name)
    return function.address <= address < function.address + function.size


def test_a_bus_fault_is_reported_with_its_place_its_address_and_its_layer(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(
        tmp_path, qemu, board, toolchain, f"((int8_t *)ctx->region[1])[0] = *(volatile int8_t *){UNMAPPED:#x};"
    )
    assert holds(image, "layer_01", fault.pc)
    assert (fault.exception, fault.layer, fault.bfar, fault.address) == (5, 1, UNMAPPED, UNMAPPED)
    assert any("PRECISERR" in cause for cause in fault.causes)
    low, high = image.symbols["__ek_stack_low"], image.symbols["__ek_stack_high"]
    assert low < fault.sp < high


def test_an_undefined_instruction_and_a_division_by_zero_are_usage_faults(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(tmp_path / "1", qemu, board, toolchain, '__asm__ volatile("udf #0");')
    assert (fault.exception, fault.layer) == (6, 1)
    assert holds(image, "layer_01", fault.pc)
    fault, image = fault_of(
        tmp_path / "2",
        qemu,
        board,
        toolchain,
        "volatile int zero = 0; volatile int gone = 7 / zero; (void)gone;",
    )
    assert fault.exception == 6
    assert any("DIVBYZERO" in cause for cause in fault.causes)


def test_a_stack_overflow_is_reported_from_a_stack_that_works(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    """The stack pointer is set just above the stack's end; what lies below is no memory."""
    fault, image = fault_of(
        tmp_path,
        qemu,
        board,
        toolchain,
        'extern uint8_t __ek_stack_low[]; __asm__ volatile("msr msp, %0\\n push {r0, r1, r2, r3}" '
        ':: "r"(__ek_stack_low + 8));',
    )
    assert fault.layer == 1
    assert any("STKERR" in cause for cause in fault.causes)
    assert (fault.pc, fault.lr) == (0, 0), "nothing could be saved, and nothing is invented"
    assert fault.sp < image.symbols["__ek_stack_low"]


@pytest.mark.parametrize("name", BOARDS)
def test_the_emulated_board_answers_survives_a_reset_and_backs_the_boards_status(
    tmp_path: Path, qemu: str, name: str
) -> None:
    """EDGEKIT_UPDATE_REPORTS=1 writes the report that `edgekit boards` reads."""
    board = boards.load(name)
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require("gnu"))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        hello = session.hello()
        assert (hello.board, hello.build_id) == (name, artifact.build_id)
        assert hello.clock_hz == hello.tick_hz == board.mcu.clock_hz
        output = session.infer([DATA]).outputs[0]
        assert output == expected(DATA)
        session.reset()
        assert session.hello().boot_count == hello.boot_count + 1
        assert machine.fault() is None
    boot = {"model": "tiny", "output_sha256": hashlib.sha256(output).hexdigest()}
    if os.environ.get("EDGEKIT_UPDATE_REPORTS"):
        record_boot(board, "qemu", boot)
    assert json.loads(report_file(board).read_text(encoding="utf-8"))["qemu"] == boot
    assert boards.status(board) == "qemu"


@pytest.mark.parametrize("model", ["digits", "mlperf_tiny_kws"])
@pytest.mark.parametrize("name", BOARDS)
def test_a_model_gives_the_references_bytes(tmp_path: Path, qemu: str, name: str, model: str) -> None:
    path = DIGITS if model == "digits" else model_path(model)
    require("gnu")
    built = edgekit.build(path, board=name, out=tmp_path / "out")
    profile = edgekit.profile(tmp_path / "out", emulate=True)
    assert profile.target == "qemu"
    assert profile.output_matches_reference
    assert profile.build_id == built.build_id
    assert profile.arena_bytes == built.arena_bytes
    assert profile.cycles is None and profile.cycles_source is None and profile.latency_ms is None
    assert sum(layer.instructions or 0 for layer in profile.layers) == profile.instructions


@pytest.mark.parametrize(("model", "toolchain"), [("digits", "gnu"), ("digits", "zig"), ("mlperf_tiny_kws", "gnu")])
@pytest.mark.parametrize(("name", "twin"), [("mps2-an500", "stm32f746"), ("mps2-an386", "stm32l4r5")])
def test_two_independent_emulators_count_the_same_instructions(
    tmp_path: Path, qemu: str, name: str, twin: str, toolchain: str, model: str
) -> None:
    """The same model for the same core, on two boards: the layers' code is the same, and so are their counts, to the
    instruction. Only where a layer ends differs: QEMU's counts also have the few instructions of the mark between the
    reading of the timer and the layer, a straight line that is the same for every layer of an image."""
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    require(toolchain)
    path = DIGITS if model == "digits" else model_path(model)
    counts = []
    for board in (name, twin):
        edgekit.build(path, board=board, out=tmp_path / board, toolchain=toolchain)
        profile = edgekit.profile(tmp_path / board, emulate=True)
        assert profile.output_matches_reference
        counts.append([layer.instructions or 0 for layer in profile.layers])
    differences = [a - b for a, b in zip(*counts, strict=True)]
    assert len(set(differences)) == 1
    assert 0 < differences[0] <= 20


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
