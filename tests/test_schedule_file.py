"""Schedule files: what a plan chose is planned and built again, and nothing else passes for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from support import plans
from support.command_line import edgekit, envelope
from support.graph_builder import GraphBuilder
from support.schedules import bands

from edgekit import schedule_file
from edgekit.api import build, plan
from edgekit.errors import ConfigError, FitError, UsageError
from edgekit.export import tflite
from edgekit_codegen.errors import CodegenError
from edgekit_codegen.ir import Graph
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.schedule.front import front
from edgekit_codegen.schedule.saved import choices, fingerprint, restored
from edgekit_codegen.schedule.types import Schedule, Segment


def network(channels: int = 8) -> Graph:
    """A network whose smallest plans are streams."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 16, 16, 2)), channels, attrs=Conv2D(padding=plans.SAME))
    x = b.conv2d(b.depthwise(x), 2, attrs=Conv2D((2, 2)))
    return b.graph(b.mean(x, (1, 2)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "network.tflite"
    path.write_bytes(tflite.dump(network()))
    return path


@given(plans.graphs(most=7))
@settings(max_examples=15)
def test_every_schedule_of_a_front_comes_back_from_its_choices(graph: Graph) -> None:
    for point in front(graph, plans.HOST):
        assert restored(graph, choices(graph, point.plan.schedule)) == point.plan.schedule


def test_streams_of_rows_that_arrive_come_back_too() -> None:
    graph = network()
    points = front(graph, plans.HOST, graph.inputs)
    assert points
    for point in points:
        assert restored(graph, choices(graph, point.plan.schedule)) == point.plan.schedule


def test_a_saved_schedule_is_planned_and_built_again(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "small.toml"
    fastest = plan(model, board="host")
    small = plan(model, board="host", latency_overhead=2.0, save_schedule=file)
    assert small.arena_bytes < fastest.arena_bytes and "stream" in small.schedule
    again = plan(model, board="host", schedule=file)
    assert (again.arena_bytes, again.schedule, again.buffers) == (small.arena_bytes, small.schedule, small.buffers)
    built = build(model, board="host", out=tmp_path / "built", schedule=file)
    assert (built.arena_bytes, built.schedule) == (small.arena_bytes, small.schedule)


def test_a_streamed_input_is_part_of_the_schedule(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.toml"
    saved = plan(model, board="host", stream_input=True, save_schedule=file)
    again = plan(model, board="host", schedule=file)
    assert again.input == saved.input == "streamed"


def test_a_schedule_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "s.toml", tmp_path / "other.tflite"
    other.write_bytes(tflite.dump(network(12)))
    plan(model, board="host", save_schedule=file)
    done = edgekit("plan", other, "--board", "host", "--schedule", file, "--json", cwd=tmp_path)
    assert done.returncode == 3
    (error,) = envelope(done)["errors"]
    assert error["code"] == "schedule.model" and "other.tflite" in error["message"]
    assert "--save-schedule" in error["hint"]


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("schema = 1", "schema = 2", "schedule.schema"),
        ("schema = 1", "", "schedule.schema"),
        ('graph_sha256 = "', 'graph_sha256 = "0', "schedule.graph"),
        ('kind = "layers"', 'kind = "spiral"', "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = []", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = [0, 1, 2, 3, 4]", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = [0, 1, 1, 2, 3]", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = [0, 2, 1, 3]", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = [0, 1, 2]", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", "operators = [0, 1, 2, 3]\npulled = [0]", "schedule.impossible"),
        ("operators = [0, 1, 2, 3]", 'operators = "all"', "config.value"),
        ("operators", "operatos", "config.key"),
        ("kind", "[", "config.syntax"),
    ],
)
def test_files_that_say_something_else_are_refused(model: Path, tmp_path: Path, old: str, new: str, code: str) -> None:
    file = tmp_path / "s.toml"
    plan(model, board="host", save_schedule=file)
    with pytest.raises(ConfigError) as caught:
        plan(model, board="host", schedule=change(file, old, new))
    assert caught.value.code == code and "s.toml" in caught.value.message


def test_a_saved_schedule_that_is_too_large_does_not_fit(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    large = plan(model, board="host", save_schedule=file)
    with pytest.raises(FitError, match="are allowed"):
        plan(model, board="host", schedule=file, sram=large.arena_bytes - 4)


def test_a_schedule_and_a_limit_on_its_time_exclude_each_other(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude"):
        plan(model, board="host", schedule=tmp_path / "s.toml", latency_overhead=1.1)


def test_a_missing_file_is_named(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        plan(model, board="host", schedule=tmp_path / "absent.toml")


def test_what_a_file_cannot_say_is_not_written() -> None:
    graph = plans.chain()
    with pytest.raises(CodegenError, match="cannot say"):
        choices(graph, bands(graph, 2))
    (segment,) = bands(graph, 2).segments
    with pytest.raises(CodegenError, match="cannot say"):
        choices(graph, Schedule((Segment("stream", segment.nodes),)))


def test_the_fingerprint_tells_graphs_apart() -> None:
    assert fingerprint(network()) == fingerprint(network()) != fingerprint(network(12))
    changed = network()
    assert fingerprint(changed.with_ops(changed.ops[:-1])) != fingerprint(changed)
    assert schedule_file.SCHEMA == 1
