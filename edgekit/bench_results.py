"""What `bench` returns: one model with the kernels of several providers, layer by layer side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class BenchRun:
    """An image with the kernels of one provider, and an inference of it.

    kernels       who provides what it can; edgekit the rest
    library       which CMSIS-NN the image holds, "" for none
    instructions  as ProfileResult has them; so are cycles
    arena_bytes   of the plan; the other bytes are of the image, stack_bytes a bound, None where there is none
    """

    kernels: str
    library: str
    instructions: int | None
    cycles: int | None
    arena_bytes: int
    code_bytes: int
    weights_bytes: int
    stack_bytes: int | None
    sram_bytes: int
    output_matches_reference: bool
    dir: str


@dataclass(frozen=True, slots=True)
class BenchFigure:
    """A layer of one run: its name there, and whose kernel computed it."""

    name: str
    kernels: str
    instructions: int | None
    cycles: int | None


@dataclass(frozen=True, slots=True)
class BenchLayer:
    """One layer in every run; None where a run's plan needs no code for it."""

    op: str
    detail: str
    macs: int
    figures: tuple[BenchFigure | None, ...]


@dataclass(frozen=True, slots=True)
class BenchResult:
    """runs: in the order in which they were asked for; so are the figures of every layer."""

    model: str
    board: str
    target: Literal["emulated", "qemu", "hardware", "host"]
    runs: tuple[BenchRun, ...]
    layers: tuple[BenchLayer, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
