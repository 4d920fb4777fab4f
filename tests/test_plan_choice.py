"""What a user sees of a choice: why a plan needs what it needs, what a smaller one costs, and limits on time."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import plans
from support.command_line import edgekit, envelope
from support.graph_builder import GraphBuilder
from support.models import model_path

from edgekit import estimate
from edgekit.api import build, plan
from edgekit.boards import load
from edgekit_codegen import cost
from edgekit_codegen.errors import DoesNotFit
from edgekit_codegen.ir import Graph
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.beyond import smallest
from edgekit_codegen.schedule.front import front
from edgekit_codegen.schedule.obstacles import obstacles
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.tiles import plain
from edgekit_codegen.schedule.types import Schedule, Segment
from edgekit_codegen.schedule.work import overhead
from edgekit_codegen.target import host_target

# Instructions of one inference on the emulated Cortex-M7 (docs/status.md, stm32f746g-disco, gnu).
EXECUTED = {
    "mlperf_tiny_kws": 3_295_315,
    "mlperf_tiny_vww": 5_792_927,
    "mlperf_tiny_ic": 12_316_112,
    "mlperf_tiny_ad": 319_393,
    "mlperf_tiny_sww": 1_014_240,
    "mcunet_vww1": 17_005_801,
}


@pytest.mark.parametrize("name", EXECUTED)
def test_estimated_instructions_are_near_those_that_were_executed(name: str) -> None:
    """Estimates assume spare memory wherever it helps; one layer of the image classifier finds none, alone of all."""
    near = 0.03 if name == "mlperf_tiny_ic" else 0.02
    assert cost.instructions(plans.real(name)) == pytest.approx(EXECUTED[name], rel=near)


def test_weights_are_counted_exactly() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 4, 4, 2)), 3, (1, 1))
    graph = b.graph(b.reshape(x, (1, 48)))
    assert cost.weights_bytes(graph, host_target()) == 32 + 4 * (4 + 4 + 4), (
        "pairs of channels with their biases, and epilogues of a whole tile"
    )


def test_cycles_are_estimated_where_the_core_has_a_table() -> None:
    m4, m7 = (estimate.cycles(1_000_000, load(name)) for name in ("nucleo-l4r5zi", "stm32f746"))
    assert m4 is not None and m7 is not None and 500_000 < m7 < m4 < 2_000_000
    assert estimate.cycles(1_000_000, load("host")) is None
    assert sum(estimate.MIX.values()) == pytest.approx(1.0)


def test_the_smallest_plan_within_some_more_time() -> None:
    """No larger than any plan of the front that keeps to the limit, and no slower than the limit."""
    graph = plans.real("mlperf_tiny_kws")
    points = front(graph, plans.HOST)
    dense = cost.instructions(graph)
    assert len(points) > 2
    for point in points:
        limit = 1 + point.overhead / dense + 1e-9
        plan = smallest(graph, plans.HOST, limit).plan
        assert plan.arena_bytes <= point.plan.arena_bytes
        assert 1 + overhead(graph, plan.schedule) / dense <= limit
    assert smallest(graph, plans.HOST, 1.0).plan.arena_bytes == points[0].plan.arena_bytes


def test_memory_that_only_slower_plans_keep_to() -> None:
    graph = plans.real("mlperf_tiny_ic")
    with pytest.raises(DoesNotFit, match=r"1\.0001 are allowed") as caught:
        smallest(graph, plans.HOST, 1.0001, budget=20_000)
    assert caught.value.code == "memory.too_slow"
    with pytest.raises(DoesNotFit) as caught:
        smallest(graph, plans.HOST, 1.1, budget=2_000)
    assert caught.value.code == "memory.does_not_fit"


def test_build_and_plan_take_a_limit_on_time(tmp_path: Path) -> None:
    model = model_path("mlperf_tiny_kws")
    fast, small = plan(model, board="host"), plan(model, board="host", latency_overhead=1.1)
    assert small.arena_bytes <= 8_640 < fast.arena_bytes
    assert build(model, board="host", out=tmp_path, latency_overhead=1.1).arena_bytes == small.arena_bytes
    done = edgekit("plan", model, "--board", "host", "--latency-overhead", "0.5", cwd=tmp_path)
    assert done.returncode == 2 and "0.5" in done.stderr


def test_points_of_the_front_have_estimates() -> None:
    found = plan(model_path("mlperf_tiny_ic"), board="stm32f746", pareto=True).points
    assert len(found) > 3 and found[0].slowdown == 1.0
    assert {point.flash_bytes for point in found} == {cost.weights_bytes(plans.real("mlperf_tiny_ic"), host_target())}
    cycles = [point.cycles_estimate for point in found]
    assert None not in cycles and cycles == sorted(c for c in cycles if c is not None)
    assert cycles[0] == pytest.approx(9_590_000, rel=0.05)


def test_a_plan_is_explained(tmp_path: Path) -> None:
    model = model_path("mlperf_tiny_ic")
    done = edgekit("plan", model, "--board", "stm32f746", "--explain", "--json", cwd=tmp_path)
    data = envelope(done)["data"]
    why = data["explanation"]
    assert why["step"] == "layer 02, conv2d (operator 2)"
    assert sum(t["bytes"] for t in why["tensors"]) == data["arena_lower_bound_bytes"]
    assert why["tensors"][-1]["bytes"] < why["tensors"][-1]["of"] == 16_384
    assert why["smaller"]["arena_bytes"] < data["arena_bytes"]
    assert why["smaller"]["extra_instructions"] > 0 and why["smaller"]["slowdown"] > 1
    assert any("layer 13, fully_connected" in text and "as a whole" in text for text in why["obstacles"])
    assert data["points"] == []
    for text in (why["step"], "16,384", f"{why['smaller']['arena_bytes']:,} B", "fully_connected"):
        assert text in done.stderr


def test_the_smallest_plan_says_so() -> None:
    found = plan(model_path("mlperf_tiny_ad"), board="host", explain=True).explanation
    assert found is not None and found.smaller is None
    assert found.obstacles[0].startswith("layer 00, fully_connected, needs 'input_1' as a whole")


def told(graph: Graph, layer: int) -> str:
    return "\n".join(obstacles(graph, layerwise.schedule(graph), layer))


def test_what_ends_a_stream_is_named() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.input((1, 12, 6, 2)), 4, attrs=Conv2D(padding=plans.SAME))
    x = b.transpose(b.depthwise(x), (0, 2, 1, 3))
    x = b.conv2d(b.conv2d(x, 4, (1, 1)), 2, (1, 1))
    graph = b.graph(b.mean(x, (1, 2)))
    assert "layers 00 to 01" in told(graph, 0) and "layer 02, transpose, needs 'tensor_" in told(graph, 0)
    assert "input" in told(graph, 1) and "--stream-input" in told(graph, 1)
    assert "layers 03 to 05" in told(graph, 3) and "layer 02, transpose" in told(graph, 3)
    assert "mean" not in told(graph, 3) and "--stream-input" not in told(graph, 3)


def test_an_input_that_arrives_in_another_step_holds_nothing() -> None:
    b = GraphBuilder()
    x = b.conv2d(b.conv2d(b.input((1, 12, 6, 2)), 4, attrs=Conv2D(padding=plans.SAME)), 4, (1, 1))
    graph = b.graph(b.conv2d(x, 2, (1, 1)))
    arriving = stream(graph, plain((0,)), graph.inputs)
    assert arriving is not None
    behind = Segment("layers", (layerwise.layer(graph, 1), layerwise.layer(graph, 2)))
    assert "--stream-input" not in "\n".join(obstacles(graph, Schedule((arriving, behind)), 2))
    assert "--stream-input" in told(graph, 2)


def test_branches_at_different_paces_end_a_stream() -> None:
    b = GraphBuilder()
    x = b.relu(b.input((1, 8, 6, 2)))
    slow = b.conv2d(x, 2, attrs=Conv2D((2, 2), padding=plans.SAME))
    padded = b.pad(b.relu(slow), bottom=4, right=3)
    graph = b.graph(b.add(b.relu(x), padded))
    assert "at another pace" in told(graph, 0)
