"""`--stream-output` end to end: rows leave while the model runs, and nothing keeps the output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import plans
from support.command_line import edgekit as command
from support.command_line import envelope
from support.dense import unet
from support.graph_builder import GraphBuilder
from support.qemu import require_qemu

import edgekit
from edgekit import boards, pipeline
from edgekit.api.device import open_job, random_inputs
from edgekit.errors import ModelError
from edgekit.export import tflite
from edgekit.profiler import connect
from edgekit.results import ProfileResult
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.ops.attributes import Conv2D

BOARD = "stm32f746g-disco"
LITTLE = 3000
"""Bytes of RAM for the U-Net's buffers: less than its output, not to speak of its input."""
INPUT, OUTPUT = 96 * 16 * 3, 96 * 16 * 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unet") / "unet.tflite"
    path.write_bytes(tflite.dump(unet()))
    return path


def save(graph: Graph, folder: Path) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(tflite.dump(graph))
    return path


def require(board: str) -> None:
    if boards.load(board).emulator.engine == "qemu":
        require_qemu()
    elif board != "host":
        pytest.importorskip("unicorn")
        pytest.importorskip("capstone")


@pytest.fixture(scope="module")
def schedule(model: Path) -> Path:
    """The schedule of a plan with both ends streamed within a little memory, searched once."""
    path = model.with_name("both.toml")
    plan = edgekit.plan(
        model, board="host", sram=LITTLE, stream_input=True, stream_output=True, pareto=False, save_schedule=path
    )
    assert (plan.input, plan.output) == ("streamed", "streamed")
    assert plan.arena_bytes < OUTPUT / 2 < INPUT / 2, "a resident end lies in the arena as a whole"
    assert "from rows that arrive to rows that leave" in plan.schedule
    return path


def assert_alike(streamed: ProfileResult, whole: ProfileResult) -> None:
    """The last layer, which hands its rows over, executes what it does without that, and a call per row."""
    last, other = streamed.layers[-1].instructions, whole.layers[-1].instructions
    assert last is not None and other is not None
    assert 0.9 * other < last < other + 300 * 96, "to send a row takes the firmware thousands"


@pytest.mark.parametrize("board", ["host", "mps2-an386", BOARD])
def test_every_board_answers_as_with_a_resident_output(model: Path, schedule: Path, board: str, tmp_path: Path) -> None:
    require(board)
    emulate = board != "host"
    resident = edgekit.build(model, board=board, out=tmp_path / "resident")
    assert (resident.input, resident.output) == ("resident", "resident")
    whole = edgekit.profile(tmp_path / "resident", emulate=emulate)
    built = edgekit.build(model, board=board, out=tmp_path / "both", schedule=schedule)
    profile = edgekit.profile(tmp_path / "both", emulate=emulate)
    assert (built.input, built.output) == (profile.input, profile.output) == ("streamed", "streamed")
    assert profile.output_matches_reference
    assert profile.output_sha256 == whole.output_sha256
    assert 5 * built.arena_bytes < resident.arena_bytes
    assert profile.arena_bytes is not None
    assert built.arena_bytes - 3 <= profile.arena_bytes <= built.arena_bytes, "plans round up to whole words"
    recorded = json.loads((tmp_path / "both" / "build.json").read_text())
    assert (recorded["input"], recorded["output"]) == ("streamed", "streamed")
    if emulate:
        assert_alike(profile, whole)
    if profile.stack_bytes is not None and built.stack_bytes is not None:
        assert profile.stack_bytes <= built.stack_bytes


@pytest.mark.parametrize("board", ["host", BOARD])
def test_an_output_alone(model: Path, board: str, tmp_path: Path) -> None:
    """Without a budget the fastest schedule is taken: only what the last operator writes leaves by rows."""
    require(board)
    built = edgekit.build(model, board=board, out=tmp_path, stream_output=True)
    assert (built.input, built.output) == ("resident", "streamed")
    profile = edgekit.profile(tmp_path, emulate=board != "host")
    assert (profile.input, profile.output) == ("resident", "streamed")
    assert profile.output_matches_reference


def test_waiting_for_the_host_counts_for_no_layer(model: Path, schedule: Path, tmp_path: Path) -> None:
    """How often the firmware looks for a byte depends on the host; what its layers execute does not."""
    require(BOARD)
    edgekit.build(model, board=BOARD, out=tmp_path, schedule=schedule)
    profiles = [edgekit.profile(tmp_path, emulate=True) for _ in range(2)]
    first, second = ([layer.instructions for layer in profile.layers] for profile in profiles)
    assert first == second
    assert sum(n or 0 for n in first) == profiles[0].instructions


def test_the_agent_s_memory_does_not_depend_on_the_output(tmp_path: Path) -> None:
    """Of rows of 16 bytes, and of such that leave in parts."""
    require(BOARD)
    rest = []
    for width in (8, 300):
        b = GraphBuilder()
        path = save(b.graph(b.conv2d(b.input((1, 12, width, 2)), 2, (1, 1))), tmp_path)
        built = edgekit.build(path, board=BOARD, out=tmp_path / "out", stream_output=True)
        (sram,) = [m for m in built.regions if m.name == "sram"]
        rest.append((sram.parts["data"], sram.parts["bss"]))
    assert rest[0] == rest[1]
    assert edgekit.profile(tmp_path / "out", emulate=True).output_matches_reference


def test_every_access_of_the_firmware_keeps_to_the_plan(model: Path, schedule: Path, tmp_path: Path) -> None:
    """Rows are read from where the plan has them, before anything overwrites them."""
    require(BOARD)
    from support.arena_images import emulated, replay_firmware

    board = boards.load(BOARD)
    compiled = pipeline.compile_model(model, board, schedule=schedule)
    artifact = pipeline.to_firmware(compiled, board, tmp_path, None, "balanced")
    replay_firmware(compiled.graph, compiled.plan, emulated(artifact.elf, board), random_inputs(compiled.graph))


@pytest.mark.parametrize("writes", [4, 30])
def test_a_host_that_leaves_in_an_inference_and_the_next_one(
    model: Path, schedule: Path, writes: int, tmp_path: Path
) -> None:
    require(BOARD)
    edgekit.build(model, board=BOARD, out=tmp_path, schedule=schedule)
    job = open_job(tmp_path, tmp_path)
    inputs = [value.tobytes() for value in random_inputs(job.graph)]
    with connect(job.folder, job.board, emulate=True, port=None, timeout=300) as connection:
        session = connection.session
        expected = session.infer(inputs).outputs
        write, left = session._stream.write, [writes]

        def interrupted(data: bytes) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            write(data)

        session._stream.write = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            session.infer(inputs)
        assert session.infer(inputs).outputs == expected


def test_the_command_line_says_how_the_output_leaves(model: Path, tmp_path: Path) -> None:
    arguments = ["build", model, "--board", "host", "-o", tmp_path / "out", "--stream-output", "--json"]
    assert envelope(command(*arguments, "--dry-run", cwd=tmp_path))["data"]["output"] == "streamed"
    assert not (tmp_path / "out").exists()
    data = envelope(command(*arguments, cwd=tmp_path))["data"]
    assert (data["input"], data["output"]) == ("resident", "streamed")
    ran = envelope(command("run", tmp_path / "out", "--json", cwd=tmp_path))["data"]
    assert (ran["output"], ran["output_matches_reference"]) == ("streamed", True)


def test_a_plan_says_what_may_be_streamed(tmp_path: Path) -> None:
    b = GraphBuilder()
    path = save(b.graph(b.conv2d(b.input((1, 8, 4, 2)), 2)), tmp_path)
    told = command("plan", path, "--board", "host", "--explain", "--pareto", cwd=tmp_path).stdout
    assert "input resident, output resident" in told
    assert "--stream-input" in told and "--stream-output" in told
    told = command("plan", path, "--board", "host", "--stream-output", "--explain", cwd=tmp_path).stdout
    assert "input resident, output streamed" in told
    assert "--stream-output" not in told


def several(b: GraphBuilder, x: TensorId) -> Graph:
    return b.graph(b.relu(x), b.conv2d(x, 2))


def whole(b: GraphBuilder, x: TensorId) -> Graph:
    return b.graph(b.transpose(b.conv2d(x, 2), (0, 3, 1, 2)))


def view(b: GraphBuilder, x: TensorId) -> Graph:
    return b.graph(b.reshape(b.conv2d(x, 2, attrs=Conv2D(padding=plans.SAME)), (1, 32, 2)))


def also_input(b: GraphBuilder, x: TensorId) -> Graph:
    return b.graph(b.reshape(x, (1, 4, 8, 2)))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (several, "the model has 2 outputs; rows of one alone can leave"),
        (whole, "layer 01, transpose, computes it from the whole of 'tensor_3'"),
        (view, "is only a reshape of 'tensor_3', no layer computes its rows"),
        (also_input, "is only a reshape of 'tensor_0', no layer computes its rows"),
    ],
)
def test_what_cannot_leave_row_by_row(
    make: Callable[[GraphBuilder, TensorId], Graph], why: str, tmp_path: Path
) -> None:
    b = GraphBuilder()
    path = save(make(b, b.input((1, 8, 4, 2))), tmp_path)
    with pytest.raises(ModelError, match=why) as caught:
        edgekit.plan(path, board="host", stream_output=True)
    assert caught.value.code == "unsupported.streamed_output"
    assert caught.value.hint == "plan without a streamed output"


def test_an_input_that_cannot_arrive_is_named_as_the_input(tmp_path: Path) -> None:
    b = GraphBuilder()
    path = save(b.graph(b.conv2d(b.transpose(b.input((1, 8, 4, 2)), (0, 2, 1, 3)), 2, (1, 1))), tmp_path)
    with pytest.raises(ModelError, match="the input cannot arrive row by row") as caught:
        edgekit.plan(path, board="host", stream_input=True, stream_output=True)
    assert caught.value.code == "unsupported.streamed_input"
    assert edgekit.plan(path, board="host", stream_output=True).output == "streamed"


def test_a_budget_that_nothing_fits_names_both_ends(tmp_path: Path) -> None:
    b = GraphBuilder()
    path = save(b.graph(b.conv2d(b.input((1, 8, 4, 2)), 2)), tmp_path)
    with pytest.raises(edgekit.errors.FitError, match="with its input resident and its output streamed, 16 are"):
        edgekit.plan(path, board="host", sram=16, stream_output=True)
