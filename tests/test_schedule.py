"""The dense schedule, and how affine boxes and loops evaluate."""

from __future__ import annotations

import pytest
from hypothesis import given
from support import plans, schedules
from support.models import NAMES

from edgekit_codegen.ir import Box, Graph
from edgekit_codegen.ops import TABLE
from edgekit_codegen.schedule import layerwise, walk
from edgekit_codegen.schedule.types import Affine, AffineBox, Run


@given(plans.graphs())
def test_every_operator_with_a_kernel_runs_once_over_its_whole_output(graph: Graph) -> None:
    schedule = layerwise.schedule(graph)
    assert [s.kind for s in schedule.segments] == ["layers"]
    runs = [node for node in schedule.segments[0].nodes if isinstance(node, Run)]
    assert [r.op for r in runs] == [i for i, op in enumerate(graph.ops) if TABLE[op.kind].kernel is not None]
    for run in runs:
        hwc = graph.result(graph.ops[run.op]).hwc
        assert run.box.at({}, hwc) == Box.of(hwc)


@pytest.mark.parametrize("name", NAMES)
def test_real_models_are_scheduled_in_the_order_of_their_operators(name: str) -> None:
    layers = walk.layers(layerwise.schedule(plans.real(name)))
    assert list(layers) == sorted(layers)
    assert len(layers) > 5


def test_affine_boxes_are_clipped_to_the_tensor() -> None:
    box = AffineBox(Affine(-1, (("i", 2),)), Affine(2, (("i", 2),)), Affine(0), Affine(9), Affine(0), Affine(3))
    assert box.at({"i": 0}, (5, 4, 3)) == Box(0, 2, 0, 4, 0, 3)
    assert box.at({"i": 1}, (5, 4, 3)) == Box(1, 4, 0, 4, 0, 3)
    assert box.at({"i": 3}, (5, 4, 3)).empty


def test_layers_are_numbered_by_their_first_run_however_often_they_run() -> None:
    graph = plans.chain()
    assert walk.layers(schedules.bands(graph, 2)) == (0, 1)
    assert walk.layers(schedules.ring(graph, 3).schedule) == (0, 1)


def test_streamed_tensors_are_those_pulled_and_pushed() -> None:
    graph = plans.chain()
    assert walk.streamed(schedules.ring(graph, 3, streamed=True).schedule) == {graph.inputs[0], graph.outputs[0]}
    assert walk.streamed(schedules.ring(graph, 3).schedule) == frozenset()
