"""Pictures of plans: labels keep inside what they name, streams get room, the front stands beside the map."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from support import plans

from edgekit.api import plan
from edgekit.export import tflite
from edgekit.plan_results import PlanPoint
from edgekit.report import memory_map
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.tiles import plain
from edgekit_codegen.schedule.types import Schedule

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")


def streamed(graph: Graph, ops: int) -> Schedule:
    """All operators in one stream."""
    segment = stream(graph, plain(range(ops)))
    assert segment is not None
    return Schedule((segment,))


def test_a_label_lies_inside_its_block() -> None:
    """Unlike the middle of a block whose rows come and go one by one, which may be somebody else's."""
    from edgekit.report.memory_picture import Time, _inside

    graph = plans.real("mlperf_tiny_vww")
    made = plans.plan(graph)
    time = Time([1] * 30)
    found = 0
    for block in memory_map.blocks(graph, made):
        for left, right, y in _inside(block, time, 200):
            found += 1
            for x, height in product((left + 0.001, right - 0.001), (y - 99, y, y + 99)):
                rows = [p for p in block.parts if time.at(p[0]) <= x <= time.at(p[1])]
                assert any(begin <= height <= end for _, _, begin, end in rows), block.label
    assert found > 20


def test_a_stream_is_wider_than_a_layer() -> None:
    from edgekit.report.memory_picture import Time

    time = Time([1, 8, 1])
    widths = [time.at(step + 1) - time.at(step) for step in range(-1, 4)]
    assert widths[0] == widths[1] == widths[3] == widths[4] == 1.0 and widths[2] > 3
    assert time.at(-1) == 0.0 and time.at(99) == time.length == sum(widths)


def test_maps_of_streams_are_drawn() -> None:
    graph = plans.chain(40)
    made = make_plan(graph, streamed(graph, 2), plans.HOST)
    figure = memory_map.draw(graph, made)
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["fill inputs", "00 conv, 01 conv", "read outputs"]


def points() -> tuple[PlanPoint, ...]:
    sizes = (40_000, 30_000, 12_000)
    return tuple(
        PlanPoint(size, 1.0, 1000 * n, 1 + n / 100, None, 0, "resident", "resident", f"schedule {n}")
        for n, size in enumerate(sizes)
    )


def test_the_front_shows_every_plan_and_marks_the_chosen_one() -> None:
    from edgekit.report.front_picture import picture

    (ax,) = picture("model", points(), 30_000).axes
    every, chosen = ax.collections
    assert [tuple(at) for at in every.get_offsets()] == [
        (40_000, 0),
        (30_000, pytest.approx(1)),
        (12_000, pytest.approx(2)),
    ]
    assert [tuple(at) for at in chosen.get_offsets()] == [(30_000, pytest.approx(1))]
    texts = {text.get_text() for text in ax.texts}
    assert texts == {"40,000 B  schedule 0", "30,000 B  schedule 1", "12,000 B  schedule 2"}


def test_a_front_of_one_plan_is_drawn_too(tmp_path: Path) -> None:
    memory_map.plot_front("model", points()[:1], 0, tmp_path / "front.svg")
    assert "40,000 B" in (tmp_path / "front.svg").read_text()


def test_the_front_is_drawn_beside_the_map(tmp_path: Path) -> None:
    model = tmp_path / "tiny.tflite"
    model.write_bytes(tflite.dump(plans.tiny()))
    found = plan(model, board="host", pareto=True, plot=tmp_path / "map.svg")
    assert [path.name for path in found.plots] == ["map.svg", "map-front.svg"]
    assert all(path.read_text().startswith("<?xml") for path in found.plots)
