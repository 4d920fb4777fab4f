"""The front between memory and time: what it reaches, in order, and the fastest plan within a budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support import batch, host_model, plan_runner, plans
from support.arena_images import replay_bare
from support.command_line import edgekit, envelope
from support.graph_builder import GraphBuilder
from support.models import model_path

from edgekit_codegen.emit import emit
from edgekit_codegen.errors import DoesNotFit, UnsupportedModel
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.front import Point, fastest, front
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.work import mac_factor
from edgekit_codegen.target import Region, Target


def check(graph: Graph, points: tuple[Point, ...]) -> None:
    """Every point is certified, slower and smaller than the one before."""
    for point in points:
        validate(graph, point.plan, plans.HOST)
        assert point.mac_factor >= 1.0
    assert not points or points[0].mac_factor == 1.0
    sizes = [(point.overhead, -point.plan.arena_bytes) for point in points]
    assert sizes == sorted(sizes) and len({size for _, size in sizes}) == len(sizes)


@given(plans.graphs(most=8))
@settings(max_examples=20)
def test_fronts_of_random_graphs(graph: Graph) -> None:
    points = front(graph, plans.HOST)
    check(graph, points)
    assert points[0].plan.storages == plans.plan(graph).storages, "layer by layer is the fastest"
    inputs = host_model.random_inputs(graph, np.random.default_rng(1))
    assert plan_runner.run(graph, points[-1].plan, inputs) == host_model.reference_bytes(graph, inputs)


# Bytes of arena that a model is to need, with so many times the multiply-accumulates: the goals of this project.
GOALS = [
    ("mlperf_tiny_vww", False, 29_000, 1.0),
    ("mlperf_tiny_vww", True, 11_800, 1.0),
    ("mlperf_tiny_ic", False, 13_500, 1.0),
    ("mlperf_tiny_kws", False, 5_500, 1.0),
    ("mcunet_vww1", False, 22_000, 1.0),
    ("mcunet_vww1", True, 14_500, 1.0),
    ("mcunet_vww1", True, 12_000, 1.15),
    pytest.param("mcunet_vww1", True, 9_500, 1.65, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "streamed", "bytes_", "factor"), GOALS)
def test_real_models_within_a_budget(name: str, streamed: bool, bytes_: int, factor: float) -> None:
    graph = plans.real(name, io="int8")
    plan = fastest(graph, plans.HOST, bytes_, graph.inputs if streamed else ())
    validate(graph, plan, plans.HOST)
    assert plan.arena_bytes <= bytes_
    assert 1.0 <= mac_factor(graph, plan.schedule) <= factor


SLOW = [pytest.param(*case, marks=pytest.mark.slow) for case in (("mlperf_tiny_vww", True), ("mlperf_tiny_ic", True))]


@pytest.mark.parametrize(
    ("name", "streamed"),
    [
        ("mlperf_tiny_kws", False),
        ("mlperf_tiny_kws", True),
        ("mlperf_tiny_vww", False),
        ("mlperf_tiny_ad", True),
        *SLOW,
    ],
)
def test_fronts_of_real_models(name: str, streamed: bool, tmp_path: Path) -> None:
    graph = plans.real(name)
    points = front(graph, plans.HOST, graph.inputs if streamed else ())
    check(graph, points)
    assert {point.input for point in points} == {"streamed" if streamed else "resident"}
    inputs = host_model.random_inputs(graph, np.random.default_rng(2))
    cases = [batch.Case(graph, point.plan, inputs) for point in points]
    assert set(batch.run(cases, tmp_path)) == {host_model.reference_bytes(graph, inputs)}


def digits() -> Graph:
    """Two convolutions with strides and a dense layer, the size of a network for digits."""
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 16, 16, 1)), 8, attrs=Conv2D(padding=plans.SAME))
    x = b.conv2d(b.depthwise(x), 12, attrs=Conv2D((2, 2), padding=plans.SAME))
    return b.graph(b.fully_connected(b.reshape(x, (1, 588)), 10, 588))


@pytest.mark.parametrize("streamed", [False, True], ids=["resident", "streamed"])
def test_every_access_of_every_point_keeps_to_its_plan(streamed: bool, tmp_path: Path) -> None:
    """On an emulated core, byte by byte."""
    graph = digits()
    points = front(graph, plans.HOST, graph.inputs if streamed else ())
    assert len(points) > 1
    inputs = host_model.random_inputs(graph, np.random.default_rng(3))
    for number, point in enumerate(points):
        folder = tmp_path / str(number)
        folder.mkdir()
        replay_bare(graph, point.plan, emit(graph, point.plan, plans.HOST), folder, inputs, "cortex-m7")


def test_the_fastest_plan_within_a_budget() -> None:
    graph = plans.real("mlperf_tiny_vww")
    assert describe(fastest(graph, plans.HOST).schedule) == "layers"
    plan = fastest(graph, plans.HOST, 30_000)
    assert plan.arena_bytes <= 30_000
    assert "stream" in describe(plan.schedule)
    smaller = fastest(graph, plans.HOST, 15_000, graph.inputs)
    assert smaller.arena_bytes <= 15_000
    validate(graph, smaller, plans.HOST)


def test_a_board_too_small_for_layers_gets_a_schedule_that_fits() -> None:
    graph = plans.real("mlperf_tiny_vww")
    target = Target("little", (Region("ram", 29_000),))
    plan = fastest(graph, target)
    validate(graph, plan, target)
    assert plan.schedule != layerwise.schedule(graph)


def test_a_budget_that_nothing_meets_names_the_smallest_and_what_holds_it() -> None:
    graph = plans.real("mlperf_tiny_kws")
    with pytest.raises(DoesNotFit) as caught:
        fastest(graph, plans.HOST, 2_000)
    assert caught.value.code == "memory.does_not_fit"
    least = min(point.plan.arena_bytes for point in front(graph, plans.HOST))
    assert f"needs {least:,}" in caught.value.message and "2,000" in caught.value.message
    assert "the peak is" in caught.value.message


def test_an_input_that_is_needed_at_once_cannot_be_streamed() -> None:
    b = GraphBuilder()
    graph = b.graph(b.transpose(b.input((1, 8, 4, 2)), (0, 2, 1, 3)))
    with pytest.raises(UnsupportedModel, match="row by row"):
        fastest(graph, plans.HOST, None, graph.inputs)


def test_plan_lists_the_front(tmp_path: Path) -> None:
    model = str(model_path("mlperf_tiny_kws"))
    done = edgekit("plan", model, "--board", "stm32f746", "--pareto", "--json", cwd=tmp_path)
    data = envelope(done)["data"]
    assert data["schedule"] == "layers" and data["input"] == "resident"
    assert data["arena_bytes"] == data["points"][0]["arena_bytes"]
    keys = {"arena_bytes", "mac_factor", "cycles_estimate", "flash_bytes", "input", "schedule", "extra_instructions"}
    keys |= {"slowdown", "output", "rewritten"}
    assert all(set(point) == keys for point in data["points"])


def test_a_budget_on_the_command_line(tmp_path: Path) -> None:
    model = str(model_path("mlperf_tiny_kws"))
    done = edgekit("plan", model, "--board", "stm32f746", "--sram", "9K", "--json", cwd=tmp_path)
    assert envelope(done)["data"]["arena_bytes"] <= 9 << 10
    assert edgekit("plan", model, "--board", "stm32f746", "--sram", "2K", cwd=tmp_path).returncode == 5
    wrong = edgekit("plan", model, "--board", "stm32f746", "--sram", "little", cwd=tmp_path)
    assert wrong.returncode == 2 and "32K" in wrong.stderr


def test_points_are_smaller_one_by_one() -> None:
    """Also where a hundredth of the arena is less than a byte."""
    b = GraphBuilder()
    x = b.conv2d(b.conv2d(b.conv2d(b.input((1, 2, 2, 1)), 1, (1, 1)), 1, (1, 1)), 1, (1, 1))
    check(b.graph(x), front(b.graph(x), plans.HOST))


def test_views_beside_a_chain_and_graphs_without_code() -> None:
    b = GraphBuilder()
    x = b.input((1, 2, 2, 1))
    shown = b.reshape(x, (4, 1))
    beside = b.graph(b.conv2d(x, 1, attrs=Conv2D(padding=plans.SAME)), shown)
    check(beside, front(beside, plans.HOST))
    b = GraphBuilder()
    view = b.graph(b.reshape(b.input((1, 2, 2, 1)), (4, 1)))
    assert fastest(view, plans.HOST, 4).arena_bytes == 4
    check(view, front(view, plans.HOST))
