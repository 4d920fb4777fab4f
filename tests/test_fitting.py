"""Where no plan of a graph fits, one of an exact rewrite of it does; generated code then computes the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import batch, host_model, plans
from support.graph_builder import GraphBuilder
from support.squeezed import excited, network

from edgekit.api import build, plan
from edgekit.errors import ConfigError, FitError
from edgekit.export import tflite
from edgekit_codegen.errors import DoesNotFit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.passes.rewrites import NONE
from edgekit_codegen.schedule import front
from edgekit_codegen.schedule.fitting import Fitting, describe, fitting, mac_factor, overhead
from edgekit_codegen.schedule.segments import Segments

LARGE, SMALL = 12 * 12 * 32, 12 * 12 * 16
"""Bytes that wait in a block of 32 channels, and in one of 16."""


def least(graph: Graph) -> int:
    """Bytes of the smallest plan without rewrites."""
    plan = front.least(Segments(graph))
    assert plan is not None
    return plan.arena_bytes


def computes(graph: Graph, found: Fitting, folder: Path) -> None:
    """The plan is valid, and its code has the reference's outputs of the graph before."""
    validate(found.graph, found.plan, plans.HOST)
    inputs = host_model.random_inputs(graph, np.random.default_rng(5))
    (answer,) = batch.run([batch.Case(found.graph, found.plan, inputs)], folder)
    assert answer == host_model.reference_bytes(graph, inputs)


def last_layer(graph: GraphBuilder, x: int) -> Graph:
    return graph.graph(graph.mean(x, (1, 2)))


@pytest.mark.parametrize("streamed", [False, True])
def test_what_waits_is_computed_again_within_less_than_it_takes(streamed: bool, tmp_path: Path) -> None:
    graph = network((32,))
    budget = LARGE // 2
    assert least(graph) > LARGE
    found = fitting(graph, plans.HOST, budget, graph.inputs if streamed else ())
    assert found.plan.arena_bytes <= budget
    assert len(found.rewrites.again) == 1
    assert "computed again" in describe(found.graph, found.plan.schedule, found.rewrites)[0]
    assert mac_factor(graph, found.graph, found.plan.schedule) > 1.2
    assert overhead(graph, found.graph, found.plan.schedule) > 0
    computes(graph, found, tmp_path)


def test_nothing_is_rewritten_where_something_fits() -> None:
    graph = network((32,))
    found = fitting(graph, plans.HOST, least(graph))
    assert found.graph is graph and found.rewrites == NONE


def test_no_more_is_computed_again_than_has_to_be() -> None:
    graph = network((32, 16))
    assert SMALL + 12 * 12 * 8 < LARGE - 4
    assert len(fitting(graph, plans.HOST, LARGE - 4).rewrites.again) == 1
    assert len(fitting(graph, plans.HOST, SMALL - 4).rewrites.again) == 2


def test_wide_layers_before_a_pixel_are_computed_in_groups(tmp_path: Path) -> None:
    b = GraphBuilder(1)
    x = b.conv2d(b.input((1, 8, 8, 2)), 8, attrs=Conv2D((2, 2), padding=plans.SAME))
    graph = last_layer(b, b.conv2d(x, 160, (1, 1)))
    budget = least(graph) - 40
    found = fitting(graph, plans.HOST, budget)
    assert found.plan.arena_bytes <= budget
    assert not found.rewrites.again and len(found.rewrites.groups) == 1
    (told,) = describe(found.graph, found.plan.schedule, found.rewrites)
    assert told.endswith(f"in {found.rewrites.groups[0].count} groups of channels")
    assert mac_factor(graph, found.graph, found.plan.schedule) == 1.0
    computes(graph, found, tmp_path)


def test_an_input_that_arrives_by_rows_arrives_once() -> None:
    b = GraphBuilder(2)
    graph = last_layer(b, excited(b, b.input((1, 12, 12, 4)), 32))
    assert fitting(graph, plans.HOST, LARGE - 4).rewrites.again, "resident, the input waits"
    with pytest.raises(DoesNotFit):
        fitting(graph, plans.HOST, LARGE - 4, graph.inputs)


def test_the_error_names_the_smallest_of_all() -> None:
    graph = network((32,), side=8)
    with pytest.raises(DoesNotFit) as caught:
        fitting(graph, plans.HOST, 300)
    needed = caught.value.needed
    assert needed is not None and needed < least(graph)
    assert f"needs {needed:,} bytes" in caught.value.message and "computed again" in caught.value.message
    assert fitting(graph, plans.HOST, needed).plan.arena_bytes <= needed


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "network.tflite"
    path.write_bytes(tflite.dump(network((32,))))
    return path


def test_plan_and_build_say_what_is_computed_again_and_a_file_keeps_it(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    whole, small = plan(model, board="host"), plan(model, board="host", sram=LARGE // 2, save_schedule=file)
    assert (whole.rewritten, whole.mac_factor) == ((), 1.0)
    assert small.arena_bytes <= LARGE // 2 and "computed again" in small.rewritten[0]
    assert small.macs == whole.macs and small.mac_factor > 1.2 and small.extra_instructions > 0
    assert small.to_json()["rewritten"] == list(small.rewritten)
    again = plan(model, board="host", schedule=file, explain=True)
    assert (again.arena_bytes, again.rewritten, again.buffers) == (small.arena_bytes, small.rewritten, small.buffers)
    built = build(model, board="host", out=tmp_path / "built", schedule=file)
    assert (built.arena_bytes, built.rewritten) == (small.arena_bytes, small.rewritten)
    assert (built.macs, built.mac_factor) == (small.macs, small.mac_factor)


def test_a_file_whose_rewrites_are_impossible_is_refused(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    plan(model, board="host", sram=LARGE // 2, save_schedule=file)
    text = file.read_text()
    file.write_text(text.replace("source = ", "source = 9"))
    with pytest.raises(ConfigError, match=r"small\.toml.*again") as caught:
        plan(model, board="host", schedule=file)
    assert caught.value.code == "schedule.impossible"


def test_the_front_goes_on_where_layers_are_computed_again(model: Path) -> None:
    """Points of the graph itself come first, those beyond say what they do, and one of them is planned as it says."""
    points = plan(model, board="host", pareto=True).points
    again = [point for point in points if point.rewritten]
    assert points[0].rewritten == () and again
    assert min(p.arena_bytes for p in points if not p.rewritten) > max(p.arena_bytes for p in again)
    assert all("computed again" in p.rewritten[0] and p.mac_factor > 1.0 < p.slowdown for p in again)
    assert plan(model, board="host", sram=again[-1].arena_bytes).arena_bytes <= again[-1].arena_bytes


def test_the_smallest_plan_within_some_time_may_compute_layers_again(model: Path, tmp_path: Path) -> None:
    whole, slower = (plan(model, board="host", latency_overhead=times) for times in (1.05, 3.0))
    assert not whole.rewritten and slower.rewritten
    assert slower.arena_bytes < LARGE < whole.arena_bytes
    built = build(model, board="host", out=tmp_path, latency_overhead=3.0)
    assert (built.arena_bytes, built.rewritten) == (slower.arena_bytes, slower.rewritten)


def test_a_budget_that_is_too_small_names_what_would_be_computed_again(model: Path) -> None:
    with pytest.raises(FitError, match="computed again"):
        plan(model, board="host", sram=500)
