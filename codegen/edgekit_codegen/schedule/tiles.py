"""Tiles: operators that a stream runs together, each computing just what the next one reads for a few pixels.

What lies between them is kept for one tile at a time. Windows of neighbouring tiles share pixels, which are computed
anew for each: MCUNetV2's patches (Lin et al., 2021, section 3.1) are tiles of many operators, and an expansion that is
recomputed inside its depthwise convolution is one of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from .reach import Reaches, Stride
from .types import Affine, AffineBox, Loop, Node, Run


@dataclass(frozen=True, slots=True)
class Member:
    """Operators that take their turn in a stream together.

    ops     indices into the graph's operators, in its order; the last one's output is what others read
    rows    rows of that output which are computed at a time
    pixels  and how many of their pixels, 0 for all
    adds    the last one adds up its input's rows as they come (OpRecord.sums): rows and pixels are those of the input
    """

    ops: tuple[int, ...]
    rows: int = 1
    pixels: int = 0
    adds: bool = False

    @property
    def last(self) -> int:
        return self.ops[-1]

    @property
    def plain(self) -> bool:
        """One operator that computes whole rows, one after the other."""
        return len(self.ops) == 1 and self.rows == 1 and not self.pixels and not self.adds


@dataclass(frozen=True, slots=True)
class Extent:
    """Rows or pixels first + step * n .. first + step * n + size - 1 of a tensor in turn n, not clipped to it."""

    first: int
    step: int
    size: int

    def of(self, n: int) -> Extent:
        """The same for n turns together."""
        return Extent(self.first, self.step * n, self.size + self.step * (n - 1))

    def through(self, window: Stride) -> Extent:
        """What a window reads to compute these."""
        return Extent(
            window.first + window.step * self.first,
            window.step * self.step,
            window.step * (self.size - 1) + window.size,
        )

    def joined(self, other: Extent) -> Extent | None:
        """What holds both; None where they drift apart."""
        if self.step != other.step:
            return None
        first = min(self.first, other.first)
        return Extent(first, self.step, max(self.first + self.size, other.first + other.size) - first)

    def bounds(self, var: str) -> tuple[Affine, Affine]:
        terms = ((var, self.step),) if self.step else ()
        return Affine(self.first, terms), Affine(self.first + self.size, terms)


Region = tuple[Extent, Extent]
"""Rows and pixels of an operator's output."""


def plain(ops: Sequence[int]) -> tuple[Member, ...]:
    """Every operator on its own."""
    return tuple(Member((op,)) for op in ops)


def turns(graph: Graph, member: Member) -> tuple[int, int]:
    """How often a member takes its turn in a stream, and how many tiles it computes in each."""
    rows, pixels, _ = added(graph, member).hwc
    return -(-rows // member.rows), -(-pixels // (member.pixels or pixels))


def regions(graph: Graph, member: Member, reaches: Reaches | None = None) -> Mapping[int, Region] | None:
    """What each operator computes in a turn (rows) and for a tile (pixels). None where what one of them needs of
    another one does not advance evenly, or is needed outside too. reaches: kept from one member to the next."""
    found = of_one_pixel(graph, member.ops, reaches or Reaches(), member.adds)
    computed = None if found is None else spread(graph, member, found)
    return None if computed is None or _some_empty(graph, member, computed) else computed


def added(graph: Graph, member: Member) -> Tensor:
    """The tensor whose rows and pixels a member counts."""
    return graph.operand(graph.ops[member.last], 0) if member.adds else result(graph, member.last)


def spread(graph: Graph, member: Member, found: Mapping[int, Region]) -> Mapping[int, Region]:
    """What a member's operators compute, from what they compute for one pixel of the last one's output."""
    if turns(graph, member)[1] == 1:
        last = {member.last: added(graph, member)}
        return {
            op: (rows.of(member.rows), Extent(0, 0, last.get(op, result(graph, op)).hwc[1]))
            for op, (rows, _) in found.items()
        }
    return {op: (rows.of(member.rows), pixels.of(member.pixels)) for op, (rows, pixels) in found.items()}


def of_one_pixel(graph: Graph, ops: Sequence[int], reaches: Reaches, adds: bool = False) -> Mapping[int, Region] | None:
    """What the operators compute where one pixel of the last one's output, or input where it adds, is computed at a
    time; None as above."""
    found: dict[int, Region] = {ops[-1]: (Extent(0, 1, 1), Extent(0, 1, 1))}
    writers = {graph.ops[op].outputs[0]: op for op in ops[:-1]}
    if writers and not _enclosed(graph, ops, writers):
        return None
    for index in reversed(ops):
        op = graph.ops[index]
        if index not in found:
            return None
        for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
            if tensor.id not in writers:
                continue
            adding = adds and index == ops[-1]
            needed = found[index] if adding else read(graph, op, position, found[index], reaches)
            known = found.get(writers[tensor.id], needed)
            if needed is None or known is None:
                return None
            rows, columns = needed[0].joined(known[0]), needed[1].joined(known[1])
            if rows is None or columns is None:
                return None
            found[writers[tensor.id]] = rows, columns
    return found


def read(graph: Graph, op: Op, position: int, region: Region, reaches: Reaches) -> Region | None:
    """What an operator reads of an operand for a region of its output; None where that does not advance evenly."""
    window = reaches.window(graph, op, position)
    return None if window is None else (region[0].through(window[0]), region[1].through(window[1]))


def adds(graph: Graph, op: Op) -> bool:
    """Whether an operator can add up its input's rows as they come."""
    return TABLE[op.kind].sums(graph, op) > 0


def nodes(graph: Graph, member: Member, var: str, tile: str, reverse: bool = False) -> tuple[Node, ...]:
    """One turn, number `var`. tile: the variable that counts its tiles."""
    if member.plain or (member.adds and len(member.ops) == 1):
        return (Run(member.last, one_row(added(graph, member).hwc, var, reverse), member.adds),)
    found = regions(graph, member)
    assert found is not None and not reverse
    runs = []
    for op in member.ops:
        adding = member.adds and op == member.last
        (rows, pixels), channels = found[op], (added(graph, member) if adding else result(graph, op)).hwc[2]
        box = AffineBox(*rows.bounds(var), *pixels.bounds(tile), Affine(0), Affine(channels))
        runs.append(Run(op, box, adding))
    count = turns(graph, member)[1]
    return tuple(runs) if count == 1 else (Loop(tile, count, tuple(runs)),)


def one_row(hwc: tuple[int, int, int], var: str, reverse: bool = False) -> AffineBox:
    """Row `var`, counted from the last one where `reverse`."""
    rows, pixels, channels = hwc
    first, end = (rows - 1, rows) if reverse else (0, 1)
    terms = ((var, -1 if reverse else 1),)
    return AffineBox(Affine(first, terms), Affine(end, terms), Affine(0), Affine(pixels), Affine(0), Affine(channels))


def result(graph: Graph, op: int) -> Tensor:
    return graph.result(graph.ops[op])


def _some_empty(graph: Graph, member: Member, computed: Mapping[int, Region]) -> bool:
    """Whether there are tiles for which an operator has nothing to compute: kernels take at least one pixel."""
    count = turns(graph, member)[1]
    return any(
        across.first + across.size <= 0 or across.first + across.step * (count - 1) >= result(graph, op).hwc[1]
        for op, (_, across) in computed.items()
        if op != member.last
    )


def _enclosed(graph: Graph, ops: Sequence[int], writers: Mapping[TensorId, int]) -> bool:
    """Whether what the operators pass on is read by them alone."""
    inside = set(ops)
    readers = ((ident, index) for index, op in enumerate(graph.ops) for ident in op.inputs if ident in writers)
    return not any(i in writers for i in graph.outputs) and all(index in inside for _, index in readers)
