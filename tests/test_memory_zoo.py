"""The benchmark's small architectures are planned, generated, compiled and run; their fronts only go down."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support import batch, host_model, plans

from benchmarks.memory_zoo import ZOO
from edgekit_codegen import passes
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule.front import front


@pytest.mark.parametrize("name", ZOO)
def test_fronts_fall_and_both_ends_compute_the_reference(name: str, tmp_path: Path) -> None:
    """No point exceeds layer by layer, every one is valid, and the code of the first and the last is run."""
    graph = passes.optimize(ZOO[name]()).graph
    points = front(graph, plans.HOST)
    for point in points:
        validate(graph, point.plan, plans.HOST)
    dense = plans.plan(graph)
    assert points[0].overhead == 0
    assert points[0].plan.arena_bytes == dense.arena_bytes
    for before, after in pairwise(points):
        assert after.overhead > before.overhead
        assert after.plan.arena_bytes < before.plan.arena_bytes
    inputs = host_model.random_inputs(graph, np.random.default_rng(4))
    ends = {id(point): point.plan for point in (points[0], points[-1])}.values()
    results = batch.run([batch.Case(graph, plan, inputs) for plan in ends], tmp_path)
    assert set(results) == {host_model.reference_bytes(graph, inputs)}


def test_the_same_name_is_the_same_graph() -> None:
    for make in ZOO.values():
        one, two = make(), make()
        assert [op.kind for op in one.ops] == [op.kind for op in two.ops]
        pairs = zip(one.tensors.values(), two.tensors.values(), strict=True)
        assert all(a.quant == b.quant and np.array_equal(a.data, b.data) for a, b in pairs if a.data is not None)
