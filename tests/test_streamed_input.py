"""`--stream-input` end to end: the firmware asks for rows, answers as the reference, and keeps no image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import matrix, plans
from support.command_line import edgekit as command
from support.command_line import envelope
from support.graph_builder import GraphBuilder
from support.models import NAMES, ROOT, model_path
from support.qemu import require_qemu

import edgekit
from edgekit import boards, pipeline
from edgekit.api.device import open_job, random_inputs
from edgekit.errors import ModelError
from edgekit.export import tflite
from edgekit.link import Session
from edgekit.profiler import connect
from edgekit.results import BuildResult, ProfileResult

DIGITS = ROOT / "examples" / "digits"
BOARD = "stm32f746g-disco"
MARK = 25
"""More than what a mark or a pull executes outside of what counts, on one emulator and not on the other."""


def build(model: Path, out: Path, board: str = BOARD, sram: int | None = None) -> BuildResult:
    if board != "host":
        pytest.importorskip("unicorn")
        pytest.importorskip("capstone")
    return edgekit.build(model, board=board, out=out, sram=sram, stream_input=True)


def check(built: BuildResult, profile: ProfileResult) -> None:
    assert built.input == profile.input == "streamed"
    assert "from rows that arrive" in built.schedule
    assert profile.output_matches_reference
    assert built.arena_bytes - 3 <= profile.arena_bytes <= built.arena_bytes, "plans round up to whole words"


@pytest.mark.parametrize(
    ("name", "sram"), [("mlperf_tiny_vww", 16 * 1024), pytest.param("mcunet_vww1", None, marks=pytest.mark.slow)]
)
def test_person_detection_on_the_emulated_board_without_its_image(name: str, sram: int | None, tmp_path: Path) -> None:
    built = build(model_path(name), tmp_path, sram=sram)
    profile = edgekit.profile(tmp_path, emulate=True)
    check(built, profile)
    assert sram is None or built.sram_bytes <= sram < 96 * 96 * 3, "less than the image alone"
    assert profile.stack_bytes is not None and built.stack_bytes is not None
    assert profile.stack_bytes <= built.stack_bytes
    assert sum(layer.instructions or 0 for layer in profile.layers) == profile.instructions
    assert all(layer.instructions for layer in profile.layers)
    assert json.loads((tmp_path / "build.json").read_text())["input"] == "streamed"


@pytest.mark.parametrize("name", NAMES)
def test_real_models_on_this_machine(name: str, tmp_path: Path) -> None:
    check(build(model_path(name), tmp_path, "host"), edgekit.profile(tmp_path))


def test_the_agent_s_memory_does_not_depend_on_the_image(tmp_path: Path) -> None:
    """Of one image with rows of 32 bytes, and one with rows of 1200, which come in parts."""
    pytest.importorskip("unicorn")
    rest = []
    for width in (8, 300):
        b = GraphBuilder()
        graph = b.graph(b.conv2d(b.input((1, 24, width, 4)), 2, (3, 3)))
        (tmp_path / "model.tflite").write_bytes(tflite.dump(graph))
        built = build(tmp_path / "model.tflite", tmp_path / "out")
        (sram,) = [m for m in built.regions if m.name == "sram"]
        rest.append((sram.parts["data"], sram.parts["bss"]))
    assert rest[0] == rest[1]
    check(built, edgekit.profile(tmp_path / "out", emulate=True))


def test_waiting_for_rows_counts_for_no_layer(tmp_path: Path) -> None:
    """How often the firmware looks for a byte depends on the host; what its layers execute does not."""
    build(DIGITS / "digits.tflite", tmp_path)
    counts = set()
    for _ in range(3):
        profile = edgekit.profile(tmp_path, emulate=True)
        counts.add(tuple(layer.instructions for layer in profile.layers))
    assert len(counts) == 1
    resident = edgekit.build(DIGITS / "digits.tflite", board=BOARD, out=tmp_path / "resident")
    assert resident.input == "resident"
    whole = edgekit.profile(tmp_path / "resident", emulate=True)
    assert whole.input == "resident"
    for layer, other in zip(profile.layers, whole.layers, strict=True):
        assert layer.instructions is not None and other.instructions is not None
        extra = abs(layer.instructions - other.instructions)
        about = 300 * 8 + other.instructions // 10  # a call per row, what finds out if one is due, another inlining
        assert extra <= about, "waiting for a row takes tens of thousands"


def test_qemu_counts_what_unicorn_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the instructions around each reading of the timer, of which a layer has as many as it has pieces."""
    require_qemu()
    pytest.importorskip("capstone")
    from support import mps2, stm32f405

    built = build(DIGITS / "digits.tflite", tmp_path, "mps2-an500")
    noise = matrix.inputs("digits")[0]
    qemu = matrix.run(tmp_path, (noise,))[0]
    assert built.arena_bytes - 3 <= sum(qemu.memory.arena_bytes) <= built.arena_bytes

    running = stm32f405.Running(tmp_path / "firmware.elf", mps2.board("mps2-an500", monkeypatch))
    with Session(running, infer_timeout=matrix.TIMEOUT) as session:
        unicorn = session.infer([x.tobytes() for x in noise])
    assert running.fault is None and running.marks is not None
    assert b"".join(unicorn.outputs) == qemu.outputs == matrix.expected("digits")[0]
    differences = [a - b for a, b in zip(qemu.instructions, running.marks.instructions, strict=True)]
    assert all(0 < d <= 2 * 8 * MARK for d in differences), "eight rows, each computed and then waited for"


def test_every_access_of_the_firmware_keeps_to_the_plan(tmp_path: Path) -> None:
    """Rows land where the plan has them, no byte beside it, and are read before the next one overwrites them."""
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    from support.arena_images import emulated, replay_firmware

    board = boards.load(BOARD)
    compiled = pipeline.compile_model(DIGITS / "digits.tflite", board, sram=1800, stream_input=True)
    artifact = pipeline.to_firmware(compiled, board, tmp_path, None, "balanced")
    replay_firmware(compiled.graph, compiled.plan, emulated(artifact.elf, board), random_inputs(compiled.graph))


@pytest.mark.parametrize("board", ["host", BOARD, "mps2-an386"])
def test_inferences_one_after_the_other(board: str, tmp_path: Path) -> None:
    if boards.load(board).emulator.engine == "qemu":
        require_qemu()
    build(DIGITS / "digits.tflite", tmp_path, board)
    result = edgekit.evaluate(tmp_path, emulate=board != "host", limit=5, start=DIGITS)
    assert (result.samples, result.identical_outputs) == (5, 5)


def test_a_host_that_leaves_in_an_inference_and_the_next_one(tmp_path: Path) -> None:
    build(DIGITS / "digits.tflite", tmp_path)
    job = open_job(tmp_path, tmp_path)
    (image,) = matrix.inputs("digits")[0]
    with connect(job.folder, job.board, emulate=True, port=None, timeout=matrix.TIMEOUT) as connection:
        session = connection.session
        write, left = session._stream.write, [6]

        def interrupted(data: bytes) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            write(data)

        session._stream.write = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            session.infer([image.tobytes()])
        answer = session.infer([image.tobytes()])
        assert b"".join(answer.outputs) == matrix.expected("digits")[0]


def test_the_command_line_says_how_the_input_comes(tmp_path: Path) -> None:
    model = DIGITS / "digits.tflite"
    arguments = ["build", model, "--board", "host", "-o", tmp_path / "out", "--stream-input", "--json"]
    assert envelope(command(*arguments, "--dry-run", cwd=tmp_path))["data"]["input"] == "streamed"
    assert not (tmp_path / "out").exists()
    assert envelope(command(*arguments, cwd=tmp_path))["data"]["input"] == "streamed"
    ran = envelope(command("run", tmp_path / "out", "--json", cwd=tmp_path))["data"]
    assert (ran["input"], ran["output_matches_reference"]) == ("streamed", True)


def test_a_model_of_two_inputs_is_refused(tmp_path: Path) -> None:
    b = GraphBuilder()
    graph = b.graph(b.add(b.input((1, 8, 4, 2)), b.input((1, 8, 4, 2), plans.OTHER)))
    (tmp_path / "two.tflite").write_bytes(tflite.dump(graph))
    with pytest.raises(ModelError, match="the model has 2 inputs") as caught:
        pipeline.compile_model(tmp_path / "two.tflite", boards.load(BOARD), stream_input=True)
    assert caught.value.code == "unsupported.streamed_input"
