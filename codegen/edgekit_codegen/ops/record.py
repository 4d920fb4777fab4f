"""What the compiler knows about one kind of operator: the only place where that knowledge stands.

A record has two halves. The rules (shapes, legality, regions, work, scratch) serve the passes, the scheduler and the
planner; the kernel binding serves the emitter. The arithmetic itself is the reference function of the same name in
`reference/`, and the C header in `c/kernels/`; a test walks `ops.TABLE` and fails where one of the three is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Attrs, Graph, Op, Shape, Tensor


@dataclass(frozen=True, slots=True)
class Window:
    """Row y of the output reads rows first + k * dilation of input 0, first = y * stride - pad, k = 0 .. kernel-1.

    The kernel receives `kernel` row pointers; a row outside the tensor (true padding) is NULL. Further activation
    inputs are not allowed.

    images  (count, input rows, output rows of each) where the tensors hold several images one below the other, each
            with padding of its own: `y` and the rows are then counted within an image; None for one image
    up      where windows advance by fractions of a row, first = floor((y * stride - pad) / up), and the kernel also
            receives `y`, which says where between two rows it stands; None for whole rows
    """

    kernel: int
    stride: int
    dilation: int
    pad: int
    images: tuple[int, int, int] | None = None
    up: int | None = None

    def rows(self, y: int) -> range:
        """The rows that output row y reads, both counted within an image; those outside it are padding."""
        first = (y * self.stride - self.pad) // (self.up or 1)
        return range(first, first + (self.kernel - 1) * self.dilation + 1, self.dilation)


@dataclass(frozen=True, slots=True)
class RowMap:
    """Which row of an operand the output's row y reads: first + the sum of y // divisor % modulus * step over terms."""

    terms: tuple[tuple[int, int, int], ...]
    first: int = 0

    def at(self, y: int) -> int:
        return self.first + sum(y // divisor % modulus * step for divisor, modulus, step in self.terms)


@dataclass(frozen=True, slots=True)
class RowTable:
    """As RowMap, row by row: where no sum of steps says it."""

    rows: tuple[int, ...]

    def at(self, y: int) -> int:
        return self.rows[y]


@dataclass(frozen=True, slots=True)
class Rows:
    """Row y of the output reads one row of each operand; the kernel receives one pointer per operand.

    maps  which row, per operand; None for row y itself
    """

    maps: tuple[RowMap | RowTable | None, ...] = (None,)

    def row(self, position: int, y: int) -> int:
        """The row of an operand that row y of the output reads."""
        chosen = self.maps[position]
        return y if chosen is None else chosen.at(y)


@dataclass(frozen=True, slots=True)
class Whole:
    """Any output element may read any input element; inputs are resident and contiguous.

    The kernel receives the base pointer of every operand, and the row index to compute as `y`
    (its signature is `ek_X_row(p, in, out, y, x0, x1, w, q, scratch)`, see receives_row).
    """


Access = Window | Rows | Whole


def receives_row(access: Access) -> bool:
    """Whether the kernel is told which output row it computes."""
    return isinstance(access, Whole) or (isinstance(access, Window) and access.up is not None)


class Overlap(Enum):
    """May the output share bytes with activation inputs?

    NEVER    input and output storage must not intersect
    IN_PLACE the output row may be exactly the input row (each pixel is read before it is written); only inputs of the
             output's type of which row y reads row y are meant
    VIEW     the output is the input under another shape; no code runs
    """

    NEVER = "never"
    IN_PLACE = "in_place"
    VIEW = "view"


class Oracle(Enum):
    """Whose arithmetic an operator's reference function repeats, bit for bit."""

    TFLM = "TensorFlow Lite Micro"
    LITERT = "LiteRT"  # its reference kernels; TensorFlow Lite Micro has no such operator
    DEFINITION = "its definition"  # only the compiler's rewrites write such an operator


@dataclass(frozen=True, slots=True)
class Requant:
    """Per-output-channel epilogue constants: int32 arrays of equal length, `shift` > 0 meaning left (NUMERICS.md)."""

    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Planar:
    """How an operator overwrites its own input, whose shape its output has, where each channel needs itself alone.

    channels  how many are computed at a time: their pixels are copied, then their output replaces them
    scratch   bytes of working memory for that (4-byte aligned)
    """

    channels: int
    scratch: int


CValue = int | float | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """How generated C calls the kernel.

    header    file under `c/kernels/`
    function  the row kernel
    struct    the type of its constant parameters
    params    field name -> value, in the struct's order; a tuple becomes a brace initialiser, a float a hex literal
    weights   constants in the order the kernel reads them (int8, int16 or int32), or None
    requant   epilogue constants, or None
    adding    the function that is given the rows of the input one by one instead (OpRecord.sums), "" where none is
    once      where the function computes the whole output in one call, from inputs in one piece that share no byte with
              it, the working memory of that call in bytes; None for a row kernel
    planar    the function that computes the whole output in one call, a few channels at a time (OpRecord.planar), ""
              where none is; the output may be the input's bytes, and shares none with it otherwise
    provider  whose arithmetic it runs: "edgekit", or the library that has to be linked (providers.KERNELS)
    spare     bytes of working memory that one call of `roomy` needs (4-byte aligned); 0 where there is no use for any
    roomy     the function that is called instead where so many bytes of the arena are free meanwhile
    couples   whether two rows are computed at once by the function whose name has an `s` more, which takes one or two
              rows of input and of output in place of a row's pixels; it may read both before it writes either, though
              of the second output row no more than one pixel before the first one is complete
    """

    header: str
    function: str
    struct: str
    params: Callable[[Graph, Op], Mapping[str, CValue]]
    weights: Callable[[Graph, Op], npt.NDArray[Any] | None] = lambda graph, op: None
    requant: Callable[[Graph, Op], Requant | None] = lambda graph, op: None
    adding: str = ""
    once: Callable[[Graph, Op], int] | None = None
    planar: str = ""
    provider: str = "edgekit"
    spare: Callable[[Graph, Op], int] = lambda graph, op: 0
    roomy: str = ""
    couples: Callable[[Graph, Op], bool] = lambda graph, op: False


@dataclass(frozen=True, slots=True)
class OpRecord:
    """The rules of one operator kind.

    kind         the name, in snake case, of record, reference function and kernel
    attrs        the class of its attributes
    activations  how many leading inputs the kernel's `in[]` holds, None for all of them; the others are constants
    constants    whether some of those, though not all, may be constant: the kernel then reads them from flash
    infer        output shapes; raises IllegalGraph where the inputs' shapes are impossible
    check        raises IllegalGraph (broken) or UnsupportedModel (legal, but not computed exactly here), naming the fix
    access       which input rows one output row reads
    input_boxes  for an output box, the unclipped box of each activation input that it reads
    macs         multiply-accumulates of the whole operator; 0 where none
    scratch      bytes of working memory that one call of the kernel needs (4-byte aligned)
    sums         bytes of the sums that are kept where the input's rows are added up as they come, and the output is
                 completed with the last one; 0 where that is not possible
    overlap      whether the output may share bytes with an input
    planar       how the record's kernel overwrites input 0 plane by plane; None where it cannot
    kernel       how generated C computes it; None for views
    describe     attributes in a few words for people ("3x3/2 relu6")
    types        element types of the first input and the output, one entry per combination ("int8", "int8 to int32")
    limits       what `check` refuses though the file format can say it, in words for people
    oracle       what decides on the arithmetic
    """

    kind: str
    attrs: type[Attrs]
    activations: int | None
    infer: Callable[[Graph, Op], tuple[Shape, ...]]
    check: Callable[[Graph, Op], None]
    access: Callable[[Graph, Op], Access]
    input_boxes: Callable[[Graph, Op, Box], tuple[Box, ...]]
    kernel: Kernel | None
    macs: Callable[[Graph, Op], int] = lambda graph, op: 0
    scratch: Callable[[Graph, Op], int] = lambda graph, op: 0
    sums: Callable[[Graph, Op], int] = lambda graph, op: 0
    overlap: Overlap = Overlap.NEVER
    planar: Callable[[Graph, Op], Planar | None] = lambda graph, op: None
    describe: Callable[[Graph, Op], str] = lambda graph, op: ""
    constants: bool = False
    types: tuple[str, ...] = ("int8",)
    limits: tuple[str, ...] = ()
    oracle: Oracle = Oracle.TFLM

    def operands(self, graph: Graph, op: Op) -> tuple[Tensor, ...]:
        """The tensors that the kernel's `in[]` points to, by position. Raises ValueError where one is absent."""
        count = len(op.inputs) if self.activations is None else self.activations
        return tuple(graph.operand(op, position) for position in range(count))
