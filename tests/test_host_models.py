"""Generated C gives the reference's bytes, on this computer, under both sanitizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from support import host_model, plans
from support.graph_builder import GraphBuilder
from support.models import NAMES

from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.target import Target

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits" / "digits.tflite"


def check(graph: Graph, target: Target, folder: Path, inferences: int = 5, optimize: str = "-O1") -> None:
    plan = plans.plan(graph, target)
    validate(graph, plan, target)
    model = host_model.build(emit(graph, plan, target), graph, folder, optimize=optimize)
    rng = np.random.default_rng(7)
    values = [host_model.random_inputs(graph, rng) for _ in range(inferences)]
    for value, answer in zip(values, model.run(values), strict=True):
        assert answer == host_model.reference_bytes(graph, value)


@pytest.mark.parametrize("name", NAMES)
def test_real_models_equal_the_reference(name: str, tmp_path: Path) -> None:
    check(plans.real(name), plans.F746, tmp_path)


def test_digits_equals_the_reference(tmp_path: Path) -> None:
    from edgekit import frontend
    from edgekit_codegen import passes

    check(passes.optimize(frontend.load(DIGITS)).graph, plans.F746, tmp_path, 20)


@pytest.mark.parametrize("optimize", ["-O0", "-O2", "-O3"])
def test_any_optimization_level_gives_the_same_bytes(optimize: str, tmp_path: Path) -> None:
    check(plans.tiny(), plans.HOST, tmp_path, optimize=optimize)


def test_float_inputs_and_outputs(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.quantize(b.float_input((1, 5, 4, 3)), plans.OTHER)
    check(b.graph(b.dequantize(b.conv2d(x, 2, (2, 2)))), plans.HOST, tmp_path)


def test_a_model_without_layers_returns_its_input(tmp_path: Path) -> None:
    b = GraphBuilder()
    check(b.graph(b.reshape(b.input((1, 4, 2, 2)), (4, 4))), plans.HOST, tmp_path)


@given(plans.graphs())
@settings(max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would compile for minutes
def test_random_graphs_equal_the_reference(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    check(graph, plans.HOST, tmp_path_factory.mktemp("graph"), inferences=2)
