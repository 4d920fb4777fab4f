"""The memory map as data and as a picture."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support import plans
from support.command_line import edgekit
from support.models import ROOT

from edgekit.errors import UsageError
from edgekit.report import memory_map

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


def test_blocks_are_the_plan() -> None:
    graph = plans.real("mlperf_tiny_ic")
    plan = plans.plan(graph, plans.F746)
    blocks = memory_map.blocks(graph, plan)
    for a in blocks:
        assert a.offset >= 0 and a.offset + a.size <= plan.regions[a.region].used
        for b in blocks:
            meet = [
                (p, q)
                for p in a.parts
                for q in b.parts
                if max(p[0], q[0]) < min(p[1], q[1]) and max(p[2], q[2]) < min(p[3], q[3])
            ]
            assert a is b or a.region != b.region or not meet
    assert max(b.offset + b.size for b in blocks) == plan.arena_bytes
    assert {"conv2d_00, add_03", "input"} <= {b.label for b in blocks}
    assert sum(b.kind == "input" for b in blocks) == sum(b.kind == "output" for b in blocks) == 1


def test_the_summary_names_what_holds_the_peak() -> None:
    graph = plans.real("mlperf_tiny_vww")
    plan = plans.plan(graph, plans.F746)
    summary = memory_map.summarize(graph, plan)
    assert summary.peak_layer.startswith("layer 02, conv2d")
    assert summary.peak_tensors == (("model/activation_2/Relu", 36_864), ("model/activation_1/Relu", 384))
    assert sum(size for _, size in summary.peak_tensors) == plan.lower_bound_bytes
    first = next(b for b in summary.buffers if b["name"] == "input")
    assert first["bytes"] == 96 * 96 * 3 and (first["first"], first["last"]) == (0, 0)
    assert all(0 <= b["first"] <= b["last"] < 30 for b in summary.buffers)


@pytest.mark.parametrize("name", ["mlperf_tiny_vww", "mcunet_vww1"])
def test_pictures_show_layers_regions_and_the_bound(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    graph = plans.real(name)
    plan = plans.plan(graph, plans.F746)
    figure = memory_map.draw(graph, plan)
    used = [r for r in plan.regions if r.used]
    assert [ax.get_ylabel() for ax in figure.axes] == ["live", *(r.name for r in used)]
    shapes = sum(len(ax.collections) for ax in figure.axes[1:])
    assert shapes == len(memory_map.blocks(graph, plan))
    texts = [t.get_text() for ax in figure.axes for t in ax.texts]
    assert f"peak = lower bound: {plan.lower_bound_bytes:,} B" in texts
    assert any(t.startswith("input\n") for t in texts)
    for use in used:
        assert f"{use.used:,} of {use.size:,} bytes used" in texts
    memory_map.plot(graph, plan, tmp_path / "new" / "map.png")
    assert (tmp_path / "new" / "map.png").read_bytes().startswith(b"\x89PNG")


def test_svg_is_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    graph = plans.tiny()
    plan = plans.plan(graph)
    for name in ("a.svg", "b.svg"):
        memory_map.plot(graph, plan, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_other_formats_are_a_usage_error(tmp_path: Path) -> None:
    graph = plans.tiny()
    with pytest.raises(UsageError, match=r"map\.gif"):
        memory_map.plot(graph, plans.plan(graph), tmp_path / "map.gif")


@pytest.mark.parametrize("asked", [("--plot",), ("--plot", "--json"), ("--json", "--plot", ".")])
def test_without_a_name_the_picture_has_the_models(asked: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    done = edgekit("plan", DIGITS, "--board", "stm32f746", *asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["digits-memory.png"]


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    graph = plans.tiny()
    with pytest.raises(UsageError) as caught:
        memory_map.plot(graph, plans.plan(graph), tmp_path / "map.png")
    assert "edgekit[plot]" in caught.value.hint
