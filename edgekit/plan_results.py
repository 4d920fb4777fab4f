"""Parts of a plan's result: the points of the front, and why the plan needs what it needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanPoint:
    """One plan of the front between memory and time.

    mac_factor          multiply-accumulates executed by those after exact rewrites
    extra_instructions  estimated, beyond those of layer by layer
    slowdown            estimated instructions by those of layer by layer
    cycles_estimate     estimated instructions, weighed with the core's cost table; None where it has none
    flash_bytes         of weights, epilogues and constant operands, exact; without code and alignment
    input               "resident", "streamed": each row delivered once, in order, or "random-access": beside the arena
    output              the same: each row handed over once, in order
    rewritten           what is computed again, or in groups
    """

    arena_bytes: int
    mac_factor: float
    extra_instructions: int
    slowdown: float
    cycles_estimate: int | None
    flash_bytes: int
    input: str
    output: str
    schedule: str
    rewritten: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PeakTensor:
    """A tensor with its type and shape, or scratch: how many of its bytes are live at the peak, of how many."""

    name: str
    bytes: int
    of: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a plan needs what it needs.

    step       the step of the schedule that holds the peak
    tensors    what is live then, the largest first
    obstacles  what keeps that step from being part of a longer stream
    smaller    the next smaller plan of the front; None where this is the smallest
    """

    step: str
    tensors: tuple[PeakTensor, ...]
    obstacles: tuple[str, ...]
    smaller: PlanPoint | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
