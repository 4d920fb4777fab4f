"""Images on the boards that QEMU emulates: they answer, compute the reference's bytes, and count as Unicorn does."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from support.handmade import expected
from support.models import ROOT, model_path
from support.qemu import BOARDS, DATA, board_for_tiny, in_the_second_layer, require_qemu, sources_for
from support.toolchains import NAMES, require

import edgekit
from edgekit import boards, emulate
from edgekit.boards.status import record_boot, report_file
from edgekit.builder import build_firmware
from edgekit.link import Session, serial_stream

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
RUNS_AT = {"netduinoplus2": 16_000_000}
"""Where QEMU's clock control is none, and the port stays on the part's own oscillator."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _setup(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_qemu()
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


def model_file(name: str) -> Path:
    return DIGITS if name == "digits" else model_path(name)


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", BOARDS)
def test_the_image_answers_within_its_stack_bound_and_survives_a_reset(
    tmp_path: Path, name: str, toolchain: str
) -> None:
    board = board_for_tiny(name)
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require(toolchain))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        hello = session.hello()
        assert (hello.board, hello.build_id, hello.boot_count) == (name, artifact.build_id, 1)
        assert hello.clock_hz == hello.tick_hz == RUNS_AT.get(name, board.mcu.clock_hz)
        assert session.infer([DATA]).outputs[0] == expected(DATA)
        memory = session.memory()
        assert artifact.stack_bytes is not None
        assert 0 < memory.stack_bytes <= artifact.stack_bytes
        assert memory.stack_size == board.build.stack
        session.reset()
        assert session.hello().boot_count == 2
        assert session.infer([DATA]).outputs[0] == expected(DATA)
        assert machine.fault() is None


@pytest.mark.parametrize("name", BOARDS)
def test_the_boards_status_is_backed_by_this_boot(tmp_path: Path, name: str) -> None:
    """EDGEKIT_UPDATE_REPORTS=1 writes the report that `edgekit boards` reads."""
    board = board_for_tiny(name)
    artifact = build_firmware(sources_for(board), board, tmp_path, toolchain=require("gnu"))
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        output = session.infer([DATA]).outputs[0]
        assert machine.fault() is None
    boot = {"model": "tiny", "output_sha256": hashlib.sha256(output).hexdigest()}
    if os.environ.get("EDGEKIT_UPDATE_REPORTS"):
        record_boot(board, "qemu", boot)
    assert json.loads(report_file(board).read_text(encoding="utf-8"))["qemu"] == boot
    assert boards.status(board) == "qemu"


@pytest.mark.parametrize("model", ["digits", "mlperf_tiny_kws"])
@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", BOARDS)
def test_a_model_gives_the_references_bytes(tmp_path: Path, name: str, toolchain: str, model: str) -> None:
    built = edgekit.build(model_file(model), board=name, out=tmp_path, toolchain=require(toolchain))
    profile = edgekit.profile(tmp_path, emulate=True)
    assert profile.target == "qemu"
    assert profile.output_matches_reference
    assert profile.build_id == built.build_id
    assert profile.arena_bytes == built.arena_bytes
    assert profile.stack_bytes is not None and built.stack_bytes is not None
    assert 0 < profile.stack_bytes <= built.stack_bytes
    assert profile.cycles is None and profile.cycles_source is None and profile.latency_ms is None
    assert all(layer.instructions for layer in profile.layers)
    assert sum(layer.instructions or 0 for layer in profile.layers) == profile.instructions


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize(
    ("name", "twin"), [("mps2-an500", "stm32f746"), ("mps2-an386", "stm32l4r5"), ("netduinoplus2", "stm32l4r5")]
)
def test_two_boards_with_one_core_count_the_same_instructions(
    tmp_path: Path, name: str, twin: str, toolchain: str
) -> None:
    """Of the same model: the layers' code is the same, and so are their counts, to the instruction.

    Only where a layer ends differs: QEMU's counts also have the few instructions of the mark between the reading of
    the timer and the layer, a straight line that is the same for every layer of an image.
    """
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    counts = []
    for board in (name, twin):
        edgekit.build(model_file("digits"), board=board, out=tmp_path / board, toolchain=require(toolchain))
        profile = edgekit.profile(tmp_path / board, emulate=True)
        assert profile.output_matches_reference
        counts.append([layer.instructions or 0 for layer in profile.layers])
    differences = [a - b for a, b in zip(*counts, strict=True)]
    assert len(set(differences)) == 1
    assert 0 < differences[0] <= 20


LOOP = '__asm__ volatile("movw r0, #%d\\n.balign 4\\n1: subs r0, r0, #1\\nbne 1b" ::: "r0", "cc");'
LOOP_END = '__asm__ volatile("movw r0, #%d\\ndls lr, r0\\n.balign 4\\n1: nop\\nle lr, 1b" ::: "r0", "lr");'


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize(("name", "loop"), [*((name, LOOP) for name in BOARDS), ("mps3-an547", LOOP_END)])
def test_a_loop_counts_two_instructions_a_turn(tmp_path: Path, name: str, toolchain: str, loop: str) -> None:
    """The second layer gets a loop of two instructions, and 30,000 turns more of it are 60,000 instructions more.
    The LE that closes a low-overhead loop counts in every turn, which silicon may leave out."""
    board = board_for_tiny(name)
    counts = []
    for turns in (1, 30_001):
        sources = in_the_second_layer(sources_for(board), loop % turns)
        artifact = build_firmware(sources, board, tmp_path / str(turns), toolchain=require(toolchain))
        with (
            emulate.start(artifact.elf, board) as machine,
            Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
        ):
            assert isinstance(machine, emulate.QemuBoard)
            ticks = [layer.ticks for layer in session.infer([DATA]).layers]
            counts.append(machine.marks(ticks, session.hello().tick_hz).instructions)
    (first, second), (first_again, longer) = counts
    assert first == first_again
    assert longer - second == 60_000
