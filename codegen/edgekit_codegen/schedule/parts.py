"""Parts of a graph: consecutive operators as a graph of their own, with what lies in memory before and after them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..ir.types import Graph, TensorId
from ..ops import TABLE
from .reach import Reaches


@dataclass(frozen=True, slots=True)
class Part:
    """Operators that follow each other.

    graph   they alone; its inputs are what they read that is there before, its outputs what is needed afterwards
    begin   the index in the entire graph of the first of them
    beside  bytes of tensors that are there before, needed afterwards, and not read in between
    """

    graph: Graph
    begin: int
    beside: int


class Parts:
    """The parts of one graph. Operators that run no code belong to the one before them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.reaches = Reaches()
        self.running = tuple(i for i, op in enumerate(graph.ops) if TABLE[op.kind].kernel is not None)
        self._born = dict.fromkeys(graph.inputs, -1)
        self._last: dict[TensorId, int] = {}
        for index, op in enumerate(graph.ops):
            self._born.update(dict.fromkeys(op.outputs, index))
            self._last.update({i: index for i in op.inputs if i is not None and i in self._born})
        self._last.update(dict.fromkeys(graph.outputs, len(graph.ops)))

    def crossing(self, point: int) -> tuple[TensorId, ...]:
        """The tensors that are there before the running operator of that number and needed by it or later."""
        begin = self.running[point] if 0 < point < len(self.running) else 0
        if point == len(self.running):
            begin = len(self.graph.ops)
        return tuple(i for i, born in self._born.items() if born < begin and self._last.get(i, -1) >= begin)

    def between(self, first: int, after: int) -> Part:
        """The running operators number `first` .. `after` - 1."""
        begin = self.running[first] if first else 0
        end = self.running[after] if after < len(self.running) else len(self.graph.ops)
        ops = self.graph.ops[begin:end]
        read = {i for op in ops for i in op.inputs}
        there = [i for i, born in self._born.items() if born < end]
        before = [i for i in there if self._born[i] < begin]
        later = {i for i in there if self._last.get(i, -1) >= end}
        entering = tuple(i for i in before if i in read)
        needed = tuple(i for i in there if i in later and (self._born[i] >= begin or i in read))
        beside = sum(self.held(i) for i in before if i in later and i not in read)
        named = {i for op in ops for i in (*op.inputs, *op.outputs) if i is not None} | {*entering, *needed}
        tensors = {i: self.graph.tensors[i] for i in named}
        outside = self.graph.outside & set(entering)
        alone = replace(self.graph, tensors=tensors, ops=ops, inputs=entering, outputs=needed, outside=outside)
        return Part(alone, begin, beside)

    def held(self, ident: TensorId) -> int:
        """The bytes that a tensor takes where it is there as a whole."""
        return 0 if ident in self.graph.outside else self.graph.tensors[ident].bytes
