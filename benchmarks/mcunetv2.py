"""Published memory figures of patch by patch inference beside edgekit's own plans: writes docs/mcunetv2.md.

    python -m benchmarks.mcunetv2

Columns: what MCUNetV2 (arXiv 2110.15352) publishes, its rule worked out again (benchmarks/patches.py), edgekit's plans
of the same networks (benchmarks/architectures), and whether such a plan was built and run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from edgekit import boards, pipeline
from edgekit.export.tflite import dump
from edgekit_codegen import passes
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.schedule.front import Point, front

from . import firmware, networks, patches
from .models import ROOT
from .networks import Network
from .patches import Stage

PAGE = ROOT / "docs" / "mcunetv2.md"
PAGE_TEXT = Path(__file__).with_name("mcunetv2.md.txt")
"""What the page says around its tables."""

PATCHES = 4
"""Along each side, as in the paper's table 1 and figure 5."""


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the paper's table 1: kB (of 1024 bytes), pixels, fractions and multiply-accumulates (M)."""

    per_layer: int
    per_patch: int
    patch: int
    stage_overhead: float
    overall_overhead: float
    stage_macs: int
    overall_macs: int


TABLE_1 = {
    "mobilenet_v2": Published(1372, 172, 75, 0.42, 0.10, 130, 330),
    "mobilenet_v2_rd": Published(1372, 172, 63, 0.18, 0.03, 73, 301),
}

HEADLINES = (
    ("ImageNet top-1 on a microcontroller (table 2, STM32H743, 465 kB SRAM)", "71.8 %"),
    ("ImageNet top-1 in 256 kB SRAM (table 2, STM32F412, 196 kB SRAM)", "64.9 %"),
    ("Visual Wake Words in 32 kB SRAM (figure 7)", "above 90 %"),
    ("Pascal VOC mAP over MCUNet, in 512 kB SRAM (table 3)", "+16.9 (68.3 %)"),
    ("Pascal VOC mAP over MCUNet, in 256 kB SRAM (table 3)", "+13.2 (64.6 %)"),
)

BOARD = "host"
"""Where plans are built and run: as a process, for the boards' flash is too small for most of these networks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One network.

    per_layer  bytes by the paper's rule, layer by layer; stage: its best patch stage
    resident   front with the image in memory; streamed: with image rows that arrive one by one
    built      the smallest plans that were built and run
    """

    network: Network
    macs: int
    per_layer: int
    stage: Stage
    resident: Sequence[Point]
    streamed: Sequence[Point]
    built: str

    def overhead(self, macs: int) -> float:
        """Of the whole network, where its stage takes so many multiply-accumulates."""
        return (macs - self.stage.macs) / self.macs


def measure(name: str) -> Row:
    """The rule and the plans of one network; the smallest plans are built and run, which certifies them, too."""
    network = networks.read(name)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(dump(networks.build(network)))
        read = pipeline.read_model(model, boards.load(BOARD), "int8")
        fronts = [front(read.graph, read.target, pulled) for pulled in ((), read.graph.inputs)]
        built = [
            built_and_run(model, read.graph, points[-1].plan, Path(folder) / points[-1].input) for points in fronts
        ]
    return Row(
        network=network,
        macs=passes.macs(read.source),
        per_layer=patches.peak(network),
        stage=patches.best(network, PATCHES),
        resident=fronts[0],
        streamed=fronts[1],
        built=", ".join(built),
    )


def built_and_run(model: Path, graph: Graph, plan: Plan, out: Path) -> str:
    """Generated C of a plan, built and run as a process of this machine. Raises as `firmware.run`."""
    build, _ = firmware.run(model, BOARD, graph, plan.schedule, out)
    return f"{build.input}: {build.arena_bytes:,}"


def render(rows: Sequence[Row]) -> str:
    published = [line for row in rows for line in _table_1(row)]
    notes = [f"{row.network.title.partition(' (')[0]} is {row.network.note}." for row in rows if row.network.note]
    page = Template(PAGE_TEXT.read_text(encoding="utf-8"))
    return page.substitute(
        table_1="\n".join(published),
        notes="\n".join(notes),
        memory="\n".join(_memory(row) for row in rows),
        fronts="\n".join(line for row in rows for line in _fronts(row)),
        headlines="\n".join(f"| {what} | {value} |" for what, value in HEADLINES),
    )


def _table_1(row: Row) -> list[str]:
    published = TABLE_1.get(row.network.name)
    if published is None:
        return []
    stage, rest = row.stage, row.macs - row.stage.macs
    pairs = [
        ("layer by layer", f"{published.per_layer} kB", f"{row.per_layer / 1024:.0f} kB"),
        ("4 x 4 patches", f"{published.per_patch} kB", f"{stage.peak / 1024:.1f} kB"),
        ("patch of the image", f"{published.patch} x {published.patch}", f"{stage.patch} x {stage.patch}"),
        (
            "overhead of the stage",
            f"{published.stage_overhead:.0%}",
            f"{stage.padded / stage.macs - 1:.1%} padded, {stage.clipped / stage.macs - 1:.1%} clipped",
        ),
        (
            "overhead of the network",
            f"{published.overall_overhead:.0%}",
            f"{row.overhead(stage.padded):.1%} padded, {row.overhead(stage.clipped):.1%} clipped",
        ),
        (
            "MMACs of the stage",
            f"{published.stage_macs}",
            f"{stage.padded / 1e6:.1f} padded, {stage.clipped / 1e6:.1f} clipped",
        ),
        (
            "MMACs of the network",
            f"{published.overall_macs}",
            f"{(rest + stage.padded) / 1e6:.1f} padded, {(rest + stage.clipped) / 1e6:.1f} clipped",
        ),
    ]
    return [f"| {row.network.title} | {what} | {there} | {here} |" for what, there, here in pairs]


def _memory(row: Row) -> str:
    stage, resident, streamed = row.stage, row.resident[-1], row.streamed[-1]
    cells = [
        row.network.title,
        f"{row.network.resolution}",
        f"{row.macs / 1e6:.1f}",
        f"{row.per_layer:,}",
        f"{stage.peak:,}",
        f"{stage.blocks}",
        f"{row.overhead(stage.padded):.1%}",
        f"{row.overhead(stage.clipped):.1%}",
        f"{row.resident[0].plan.arena_bytes:,}",
        f"{resident.plan.arena_bytes:,}",
        f"{resident.overhead:,}",
        f"{streamed.plan.arena_bytes:,}",
        f"{streamed.overhead:,}",
        row.built,
    ]
    return f"| {' | '.join(cells)} |"


def _fronts(row: Row) -> list[str]:
    lines = []
    for label, points in (("resident", row.resident), ("streamed", row.streamed)):
        plans = ", ".join(f"{p.plan.arena_bytes:,} ({p.overhead:,})" for p in points)
        lines.append(f"- {row.network.title}, {label}: {plans}")
    return lines


def main() -> None:
    rows = []
    for name in networks.names():
        rows.append(measure(name))
        print(name, [p.plan.arena_bytes for p in (rows[-1].resident[-1], rows[-1].streamed[-1])], file=sys.stderr)
    PAGE.write_text(render(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
