"""Rows and pixels that move evenly from tile to tile, and what operators that run together need of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from .reach import Reaches, Stride
from .types import Affine


@dataclass(frozen=True, slots=True)
class Extent:
    """Rows or pixels first + step * n .. first + step * n + size - 1 of a tensor in turn n, not clipped to it."""

    first: int
    step: int
    size: int

    @property
    def end(self) -> int:
        """Behind the last one of turn 0."""
        return self.first + self.size

    def of(self, n: int) -> Extent:
        """The same for n turns together."""
        return Extent(self.first, self.step * n, self.size + self.step * (n - 1))

    def after(self, n: int) -> Extent:
        """The same, counted from turn n on."""
        return Extent(self.first + self.step * n, self.step, self.size)

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
        return Extent(first, self.step, max(self.end, other.end) - first)

    def bounds(self, var: str) -> tuple[Affine, Affine]:
        terms = ((var, self.step),) if self.step else ()
        return Affine(self.first, terms), Affine(self.end, terms)


Region = tuple[Extent, Extent]
"""Rows and pixels of an operator's output."""


def needed(
    graph: Graph,
    ops: Sequence[int],
    last: Region,
    reaches: Reaches,
    adds: bool = False,
    anew: Callable[[Region], Region] = lambda region: region,
) -> Mapping[int, Region] | None:
    """What is there of each operator's output where `last` is what the last one computes, or reads where it adds.

    anew  of what is there, the part that is computed each time

    None where what an operator needs of another one does not advance evenly, or is needed outside too.
    """
    found: dict[int, Region] = {ops[-1]: last}
    writers = {graph.ops[op].outputs[0]: op for op in ops[:-1]}
    if writers and not _enclosed(graph, ops, writers):
        return None
    for index in reversed(ops):
        op = graph.ops[index]
        if index not in found:
            return None
        computed = last if index == ops[-1] else anew(found[index])
        for position, tensor in enumerate(TABLE[op.kind].operands(graph, op)):
            if tensor.id not in writers:
                continue
            adding = adds and index == ops[-1]
            part = computed if adding else read(graph, op, position, computed, reaches)
            known = found.get(writers[tensor.id], part)
            if part is None or known is None:
                return None
            rows, columns = part[0].joined(known[0]), part[1].joined(known[1])
            if rows is None or columns is None:
                return None
            found[writers[tensor.id]] = rows, columns
    return found


def read(graph: Graph, op: Op, position: int, region: Region, reaches: Reaches) -> Region | None:
    """What an operator reads of an operand for a region of its output; None where that does not advance evenly."""
    window = reaches.window(graph, op, position)
    return None if window is None else (region[0].through(window[0]), region[1].through(window[1]))


def _enclosed(graph: Graph, ops: Sequence[int], writers: Mapping[TensorId, int]) -> bool:
    """Whether what the operators pass on is read by them alone."""
    inside = set(ops)
    readers = ((ident, index) for index, op in enumerate(graph.ops) for ident in op.inputs if ident in writers)
    return not any(i in writers for i in graph.outputs) and all(index in inside for _, index in readers)
