"""The models of docs/memory.md: what their plans are to reach, where they run, and what is known of other engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.export.tflite import dump

from . import networks, patches
from .memory_zoo import ZOO
from .models import models

LARGE = "mps2-an500"
"""Cortex-M7 with 4 MiB for code and weights, 20 MiB of RAM: for what exceeds the other board's flash."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The bytes of arena that a plan is to need at most, with so many times the multiply-accumulates."""

    arena: int
    factor: float = 1.0

    def __str__(self) -> str:
        return f"{self.arena:,} @ {self.factor:.2f}"


@dataclass(frozen=True, slots=True)
class Subject:
    """One model.

    name      of its file, its architecture or its function in the zoo
    resident  goals with the whole input in the arena; streamed: with its rows arriving one by one; beside: with the
              input beside the arena, read at random
    board     where its rows are built and run
    known     bytes that others need, or that other ways of counting give
    front     its front is drawn
    """

    name: str
    title: str
    resident: tuple[Goal, ...] = ()
    streamed: tuple[Goal, ...] = ()
    board: str = "stm32f746"
    known: str = ""
    front: bool = False
    beside: tuple[Goal, ...] = ()

    @property
    def goals(self) -> Mapping[str, tuple[Goal, ...]]:
        """By how the input is taken, as `front.Point` has it."""
        return {"resident": self.resident, "streamed": self.streamed, "random-access": self.beside}

    def write(self, folder: Path) -> Path:
        """The model's .tflite: the file itself, or one made in the folder."""
        if self.name in models():
            return models()[self.name]
        path = folder / f"{self.name}.tflite"
        graph = ZOO[self.name]() if self.name in ZOO else networks.build(networks.read(self.name))
        path.write_bytes(dump(graph))
        return path


REAL = (
    Subject(
        "mlperf_tiny_vww",
        "VWW",
        (Goal(29_000),),
        (Goal(11_800),),
        known="73,728 by TensorFlow Lite Micro, 60,728 by TinyEngine; 55,296 are live at once where nothing overlaps",
        front=True,
    ),
    Subject("mlperf_tiny_ic", "IC", (Goal(13_500),), known="49,152 are live at once where nothing overlaps"),
    Subject("mlperf_tiny_kws", "KWS", (Goal(5_500),), known="16,000 are live at once where nothing overlaps"),
    Subject(
        "mcunet_vww1",
        "MCUNet VWW 1",
        (Goal(22_000),),
        (Goal(14_500), Goal(12_000, 1.15), Goal(9_500, 1.65)),
        known="93,992 by TinyEngine; 81,552 with its patches, the image included",
        front=True,
        beside=(Goal(9_500, 1.65),),
    ),
)

MOBILE = (
    Subject(
        "mobilenet_v2",
        "MobileNetV2 1.0, 224",
        (Goal(186_000), Goal(166_000, 1.05)),
        (Goal(102_000), Goal(65_000, 1.14), Goal(51_000, 1.17)),
        LARGE,
        "175,616 by MCUNetV2's patches, the image left out; 1,404,928 layer by layer, depthwise convolutions in place",
        front=True,
        beside=(Goal(51_000, 1.17),),
    ),
    Subject(
        "mobilenet_v2_035",
        "MobileNetV2 0.35, 144",
        (),
        (Goal(21_500), Goal(15_300, 1.08), Goal(11_500, 1.19), Goal(8_500, 1.68)),
        LARGE,
        "by msf-CNN, in its own counting, 83,133 at 1.02, 25,803 at 1.25 and 8,560 at 1.68 times the work",
        front=True,
        beside=(Goal(8_500, 1.68),),
    ),
)

TIMES_LESS = 12
"""Than layer by layer with depthwise convolutions in place: the goal of the other architectures."""


def _architecture(name: str, board: str) -> Subject:
    network = networks.read(name)
    peak = patches.peak(network)
    known = f"{peak:,} layer by layer, depthwise convolutions in place: {TIMES_LESS} times the goal"
    return Subject(name, f"{network.title}, {network.resolution}", (), (Goal(peak // TIMES_LESS),), board, known)


def _small(name: str) -> Subject:
    """Its goal comes from its own plan layer by layer."""
    return Subject(name, f"zoo: {name}")


SUBJECTS: Sequence[Subject] = (
    *REAL,
    *MOBILE,
    _architecture("proxylessnas_mobile", "host"),
    _architecture("mnasnet_a1", "host"),
    _architecture("ofa_595m", "host"),
    _architecture("fbnet_a", "host"),
    *map(_small, ZOO),
)
