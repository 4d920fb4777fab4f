"""Images on the emulated boards: clocks, link, stack, and what happens where an oscillator does not start."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.handmade import INPUT_BYTES, expected, tiny
from support.toolchains import NAMES, require

from edgekit import boards
from edgekit.boards.status import record_boot, report_file
from edgekit.builder import build_firmware
from edgekit.link import Session, messages, protocol, serial_stream
from edgekit.link.frames import Frame, FrameReader

emulate = pytest.importorskip("edgekit.emulate", reason="the emulator extra is not installed")
pytest.importorskip("unicorn", reason="the emulator extra is not installed")
pytest.importorskip("capstone", reason="the emulator extra is not installed")

DATA = bytes(range(INPUT_BYTES))
BOARDS = ("stm32f746", "stm32l4r5", "stm32g0b1")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", BOARDS)
def test_the_image_answers_within_its_stack_bound_and_survives_a_reset(
    tmp_path: Path, name: str, toolchain: str
) -> None:
    board = boards.load(name)
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=require(toolchain))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        hello = session.hello()
        assert hello.build_id == artifact.build_id
        assert hello.board == board.name
        assert hello.clock_hz == hello.tick_hz == board.mcu.clock_hz
        assert session.infer([DATA]).outputs[0] == expected(DATA)
        marks = session.memory()
        assert artifact.stack_bytes is not None
        assert 0 < marks.stack_bytes <= artifact.stack_bytes
        assert marks.stack_size == board.build.stack
        session.reset()
        assert session.hello().boot_count == hello.boot_count + 1
        assert machine.fault() is None


@pytest.mark.parametrize("name", BOARDS)
def test_the_boards_status_is_backed_by_this_boot(tmp_path: Path, name: str) -> None:
    """EDGEKIT_UPDATE_REPORTS=1 writes the report that `edgekit boards` reads."""
    board = boards.load(name)
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=require("gnu"))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        output = session.infer([DATA]).outputs[0]
        assert machine.fault() is None
    boot = {"model": "tiny", "output_sha256": hashlib.sha256(output).hexdigest()}
    if os.environ.get("EDGEKIT_UPDATE_REPORTS"):
        record_boot(board, "emulated", boot)
    assert json.loads(report_file(board).read_text(encoding="utf-8"))["emulated"] == boot
    assert boards.status(board) == "emulated"


class Line:
    """A host that says HELLO and keeps what it hears."""

    def __init__(self) -> None:
        command = Frame(protocol.Kind.HELLO, 0, 1, 0x1234, messages.hello_command(256))
        self.out = list(command.pack())
        self.heard: list[Frame] = []
        self.reader = FrameReader()
        self.machine: Any = None

    def receive(self) -> int | None:
        return self.out.pop(0) if self.out else None

    def send(self, byte: int) -> None:
        self.heard += [f for f in self.reader.feed(bytes([byte])) if isinstance(f, Frame)]
        if self.heard:
            self.machine.stop()

    def idle(self) -> None:
        self.machine.idle(100_000)


# Ready bits that stay 0: (peripheral, register's offset, bit).
NEVER_READY = {
    "stm32f746": {
        "RCC: HSE": ("RCC", 0x00, 1 << 17),
        "RCC: PLL": ("RCC", 0x00, 1 << 25),
        "PWR: over-drive": ("PWR", 0x04, 1 << 16),
    },
    "stm32l4r5": {"RCC: HSI16": ("RCC", 0x00, 1 << 10), "RCC: PLL": ("RCC", 0x00, 1 << 25)},
    "stm32g0b1": {"RCC: HSI16": ("RCC", 0x00, 1 << 10), "RCC: PLL": ("RCC", 0x00, 1 << 25)},
}
AFTER_RESET_HZ = {"stm32f746": 16_000_000, "stm32l4r5": 4_000_000, "stm32g0b1": 16_000_000}


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize(("name", "dead"), [(name, dead) for name in BOARDS for dead in (*NEVER_READY[name], None)])
def test_a_part_whose_clock_does_not_come_up_stays_reachable_and_says_its_clock(
    tmp_path: Path, name: str, toolchain: str, dead: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgekit.emulate.image import read_image
    from edgekit.emulate.machine import Machine
    from edgekit.emulate.peripherals.base import RegisterBlock

    if dead is not None:
        block, offset, bit = NEVER_READY[name][dead]
        read = RegisterBlock.read

        def stuck(self: RegisterBlock, at: int, size: int) -> int:
            value = read(self, at, size)
            return value & ~bit if (self.name, at) == (block, offset) else value

        monkeypatch.setattr(RegisterBlock, "read", stuck)
    board = boards.load(name)
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=require(toolchain))
    line = Line()
    line.machine = Machine(read_image(artifact.elf), board, line)
    line.machine.run()
    answer, *_ = messages.hello(line.heard[0].payload)
    assert answer.clock_hz == (board.mcu.clock_hz if dead is None else AFTER_RESET_HZ[name])
