"""`edgekit bench`: the same model with several providers' kernels, side by side."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from support.cmsis_layers import needs_sources
from support.command_line import edgekit, envelope
from support.models import ROOT

import edgekit as package
from edgekit.api import comparison
from edgekit.bench_results import BenchResult
from edgekit.cli.commands.bench import bench as command
from edgekit.errors import ConfigError, MismatchError, UsageError
from edgekit.report import side_by_side
from edgekit.results import BuildResult, ProfileResult

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Layers of cmsis-nn are edgekit's, called otherwise: no CMSIS-NN is needed, and every figure is known."""
    said: dict[str, Any] = {"equal": True}

    def build(model: Path, *, kernels: str, **rest: Any) -> BuildResult:
        made = package.build(model, **rest)
        return replace(
            made, kernels=dict.fromkeys(made.kernels, kernels), library="" if kernels == "edgekit" else "Lib"
        )

    def profile(directory: Path, **rest: Any) -> ProfileResult:
        done = package.profile(directory, **rest)
        factor = 1 if directory.name == "edgekit" else 3
        layers = tuple(replace(layer, instructions=factor * 100) for layer in done.layers)
        total = factor * 100 * len(layers)
        equal = factor == 1 or said["equal"]
        return replace(done, layers=layers, instructions=total, output_matches_reference=equal)

    monkeypatch.setattr(comparison, "build", build)
    monkeypatch.setattr(comparison, "profile", profile)
    return said


def text(result: BenchResult) -> str:
    console = Console(width=160, record=True, file=StringIO())
    for part in side_by_side.bench(result):
        console.print(part)
    return console.export_text()


@pytest.mark.usefixtures("pretended")
def test_layers_stand_side_by_side(tmp_path: Path) -> None:
    result = package.bench(DIGITS, board="host", start=tmp_path)
    assert [r.kernels for r in result.runs] == ["edgekit", "cmsis-nn"]
    assert [Path(r.dir) for r in result.runs] == [
        tmp_path / "build" / "bench" / "host" / r.kernels for r in result.runs
    ]
    for layer in result.layers:
        own, other = layer.figures
        assert own is not None
        assert other is not None
        assert (own.name, own.kernels, own.instructions) == (other.name, "edgekit", 100)
        assert (other.kernels, other.instructions) == ("cmsis-nn", 300)
    shown = text(result)
    assert shown.count("x3.00") == len(result.layers) + 1
    assert f"{100 * len(result.layers):,}" in shown
    assert "Lib" in shown


@pytest.mark.usefixtures("pretended")
def test_a_layer_that_only_one_plan_runs_has_no_figure_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = comparison._layers

    def shortened(built: BuildResult, profiled: ProfileResult) -> Any:
        found = layers(built, profiled)
        return dict(list(found.items())[1:]) if built.dir.name == "edgekit" else found

    monkeypatch.setattr(comparison, "_layers", shortened)
    result = package.bench(DIGITS, board="host", start=tmp_path)
    assert result.layers[-1].figures[0] is None
    assert result.layers[-1].figures[1] is not None
    assert "no code" in text(result)


def test_another_output_is_an_error(pretended: dict[str, Any], tmp_path: Path) -> None:
    pretended["equal"] = False
    done = CliRunner().invoke(command, [str(DIGITS), "--board", "host", "-o", str(tmp_path)])
    assert isinstance(done.exception, MismatchError)
    assert "cmsis-nn" in done.exception.message


def test_there_has_to_be_something_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        package.bench(DIGITS, kernels=["edgekit", "edgekit"], board="host", start=tmp_path)
    with pytest.raises(ConfigError, match="kernels is 'cmsis'"):
        package.bench(DIGITS, kernels=["edgekit", "cmsis"], board="host", start=tmp_path)


@needs_sources
def test_a_model_on_an_emulated_board(tmp_path: Path) -> None:
    done = edgekit(
        *("bench", DIGITS, "--board", "stm32f746", "--kernels", "cmsis-nn,edgekit", "--emulate", "--json"), cwd=tmp_path
    )
    data = envelope(done)["data"]
    theirs, own = data["runs"]
    assert (theirs["kernels"], own["kernels"], data["target"]) == ("cmsis-nn", "edgekit", "emulated")
    assert theirs["library"].startswith("CMSIS-NN")
    for n, side in enumerate(data["runs"]):
        assert side["output_matches_reference"]
        assert side["instructions"] == sum(layer["figures"][n]["instructions"] for layer in data["layers"])
        assert {layer["figures"][n]["kernels"] for layer in data["layers"]} == {side["kernels"]}
    assert own["arena_bytes"] < theirs["arena_bytes"]
