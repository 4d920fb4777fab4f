"""What runs over which regions, in which order: the seam between planner, validator, emitter and kernels.

    Schedule = segments in order; Segment = nodes in order
    Node     = Run (one operator over a box) | Loop | Due (some iterations of a loop) | Pull (an input row)
             | Push (an output row) | Copy (rows, into their ring) | Slide (a tile, to its next place)
             | Keep (pixels that leave a tile, in their lines)

A dense layer-by-layer schedule is one segment of one `Run` per operator over its whole output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..ir.region import Box
from ..ir.types import TensorId

Env = Mapping[str, int]
"""Loop variable -> value."""


@dataclass(frozen=True, slots=True)
class Affine:
    """const + sum of coefficient * loop variable."""

    const: int
    terms: tuple[tuple[str, int], ...] = ()

    def at(self, env: Env) -> int:
        return self.const + sum(k * env[var] for var, k in self.terms)


@dataclass(frozen=True, slots=True)
class AffineBox:
    """A box whose bounds are affine in the loop variables around it; clipped to its tensor when evaluated."""

    y0: Affine
    y1: Affine
    x0: Affine
    x1: Affine
    c0: Affine
    c1: Affine

    @classmethod
    def constant(cls, box: Box) -> AffineBox:
        return cls(*(Affine(v) for v in (box.y0, box.y1, box.x0, box.x1, box.c0, box.c1)))

    def at(self, env: Env, hwc: tuple[int, int, int]) -> Box:
        bounds = (self.y0, self.y1, self.x0, self.x1, self.c0, self.c1)
        return Box(*(b.at(env) for b in bounds)).clip(hwc)


@dataclass(frozen=True, slots=True)
class Run:
    """Compute `box` of the (first) output of operator `op`, an index into the graph's operators.

    adds    `box` is of the operator's input instead, whose rows are added up: the first row clears the sums, the last
            one completes the output
    once    where one call computes the whole box, which is all of the output, the working memory of that call in bytes
            (Kernel.once, OpRecord.planar); None where rows are computed one by one
    planar  that call is Kernel.planar: its output may be the bytes of input 0
    """

    op: int
    box: AffineBox
    adds: bool = False
    once: int | None = None
    planar: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    """Run `body` for var = 0 .. n-1."""

    var: str
    n: int
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """Run `body` in the iterations first, first + period, first + 2 * period, ... of the loop over `of`, n times in
    all, with var = 0 .. n-1.

    A row stream gives every operator its own pace: one that is two strides deep is due in every fourth iteration.
    """

    var: str
    of: str
    first: int
    period: int
    n: int
    body: tuple[Node, ...]

    def at(self, env: Env) -> int | None:
        """The value of `var`, or None where nothing is due."""
        value, rest = divmod(env[self.of] - self.first, self.period)
        return value if rest == 0 and 0 <= value < self.n else None


@dataclass(frozen=True, slots=True)
class Pull:
    """Fetch one row of a streamed graph input into its storage."""

    tensor: TensorId
    row: Affine


@dataclass(frozen=True, slots=True)
class Push:
    """Hand one finished row of a streamed graph output to the caller."""

    tensor: TensorId
    row: Affine


@dataclass(frozen=True, slots=True)
class Copy:
    """Move `rows` rows from where they were computed, or arrived, to their slots in the ring (Storage.fresh); those
    outside the tensor are none."""

    tensor: TensorId
    row: Affine
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Slide:
    """Move the pixels x0 .. x1-1 of a tile, which the next tile of its row reads too, to the begin of its storage, in
    each of its `rows` rows; the tile then lies as many pixels farther to the right as x0 advances with its loop."""

    tensor: TensorId
    rows: int
    x0: Affine
    x1: Affine


@dataclass(frozen=True, slots=True)
class Keep:
    """Move the pixels x0 .. x1-1 of `rows` rows from a tile to the lines that hold whole rows for the next turns; rows
    and pixels outside the tensor are none.

    lines  how many there are: row y has a place in line y mod lines
    """

    tensor: TensorId
    lines: int
    row: Affine
    rows: int
    x0: Affine
    x1: Affine


Leaf = Run | Pull | Push | Copy | Slide | Keep
Node = Leaf | Loop | Due


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive operators under one discipline.

    kind  how the segment runs: "layers" (one operator after the other) or "stream" (all of them, a few rows at a
          time, in one loop)
    """

    kind: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The whole inference, in order."""

    segments: tuple[Segment, ...]
