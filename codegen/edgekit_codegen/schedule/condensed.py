"""A graph condensed to what its order is about: units that run one after the other, and the values between them.

A unit is one operator that runs with the views of its outputs right behind it. A value is a tensor with its views: one
piece of memory, live from the unit that makes it to the last one that reads any of it. Sets of units are bit masks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ..ir.types import Graph, TensorId
from ..memory.buffer import align_up, live_bytes
from ..memory.buffers import buffers
from ..ops import TABLE
from . import layerwise
from .reach import Reaches

Units = int
"""A set of units: bit n stands for unit n."""


@dataclass(slots=True)
class Value:
    """A tensor and what shows its bytes.

    tensors  the tensor that is written first, then its views that something reads or that are outputs
    views    all operators that make views of it, in the graph's order
    readers  the units that read any of it
    kept     whether any of it is an output of the graph
    size     bytes while it waits to be read
    """

    tensors: list[TensorId]
    views: list[int]
    readers: Units = 0
    kept: bool = False
    size: int = 0


class Condensed:
    """The units of one graph, numbered in its order.

    ops     per unit, the operators: the one that runs, then the views of what it makes
    first   the views of graph inputs, which come before all units
    before  per unit, all units that have to run earlier
    after   per unit, all units that have to run later
    nexts   per unit, those that read what it makes
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ops: list[list[int]] = []
        self.first: list[int] = []
        self.values: list[Value] = []
        self.reads: list[tuple[int, ...]] = []
        self.makes: list[tuple[int, ...]] = []
        self._reaches = Reaches()
        self._read(graph)
        self.nexts = [tuple(members(self._readers(made))) for made in self.makes]
        self.before, self.after = self._closures()
        self._operands = [[self._operand(unit, n) for n in enumerate(reads)] for unit, reads in enumerate(self.reads)]
        self._made = [sum(self.values[n].size for n in made if self._waits(n)) for made in self.makes]
        self._hills: list[dict[int, int]] = [{} for _ in self.ops]

    @property
    def everything(self) -> Units:
        return (1 << len(self.ops)) - 1

    @property
    def begin(self) -> int:
        """Bytes that are live before the first unit: graph inputs that something reads."""
        inputs = set(self.graph.inputs)
        return sum(v.size for n, v in enumerate(self.values) if v.tensors[0] in inputs and self._waits(n))

    def step(self, unit: int, done: Units, live: int) -> tuple[int, int]:
        """The most bytes that are live while a unit runs, and those that are live after it.

        done  the units that have run
        live  bytes that are live before it
        """
        dying, freed = 0, 0
        for bit, size, others in self._operands[unit]:
            if not others & ~done:
                dying, freed = dying | bit, freed + size
        hill = self._hills[unit].get(dying)
        if hill is None:
            hill = self._hills[unit][dying] = self._hill(unit, dying)
        return live + hill, live - freed + self._made[unit]

    def least(self, unit: int) -> int:
        """Bytes that are live while a unit runs, whatever the order."""
        later = self.after[unit]
        stays = [v.kept or bool(v.readers & later) for v in self.values]
        made = {n: m for m, numbers in enumerate(self.makes) for n in numbers}
        beside = sum(
            v.size
            for n, v in enumerate(self.values)
            if stays[n] and n not in self.reads[unit] and (n not in made or self.before[unit] >> made[n] & 1)
        )
        beside += sum(self.values[n].size for n in self.reads[unit])
        return self.step(unit, self.everything & ~later & ~(1 << unit), beside)[0]

    def order(self, units: Sequence[int]) -> tuple[int, ...]:
        """The operators in the order of their units."""
        return (*self.first, *(op for unit in units for op in self.ops[unit]))

    def _read(self, graph: Graph) -> None:
        known: dict[TensorId, int] = {}
        makers: dict[int, int] = {}
        for ident in graph.inputs:
            known[ident] = self._value(ident)
        for index, op in enumerate(graph.ops):
            operands = dict.fromkeys(i for i in op.inputs if i is not None and i in known)
            values = tuple(dict.fromkeys(known[i] for i in operands))
            if TABLE[op.kind].kernel is None and len(values) == 1:
                known[op.outputs[0]] = values[0]
                self.values[values[0]].views.append(index)
                (self.ops[makers[values[0]]] if values[0] in makers else self.first).append(index)
                continue
            unit = len(self.ops)
            self.ops.append([index])
            self.reads.append(values)
            made = {ident: self._value(ident) for ident in op.outputs}
            known.update(made)
            makers.update(dict.fromkeys(made.values(), unit))
            self.makes.append(tuple(made.values()))
            for ident in operands:
                self.values[known[ident]].readers |= 1 << unit
                self._use(known[ident], ident)
        for ident in graph.outputs:
            if ident in known:
                self.values[known[ident]].kept = True
                self._use(known[ident], ident)
        for value in self.values:
            tensor = graph.tensors[value.tensors[0]]
            whole = len(value.tensors) > 1 or tensor.hwc[0] == 1
            value.size = align_up(tensor.bytes) if whole else tensor.bytes

    def _hill(self, unit: int, dying: int) -> int:
        """By how many bytes more than its operands are live while a unit runs, as the planner counts them.

        dying  the operands that nothing reads later, as bits by position: results may overwrite their rows
        """
        reads = self.reads[unit]
        part = self._alone(unit, [n for position, n in enumerate(reads) if dying >> position & 1])
        items = buffers(part, layerwise.schedule(part), self._reaches)
        return max(live_bytes(items).values(), default=0) - sum(self.values[n].size for n in reads)

    def _has_other_rows(self, value: int, seen: Collection[TensorId | None]) -> bool:
        """Whether a value consists of other rows than those of its tensors that are seen."""
        first, *views = self.values[value].tensors
        rows = {self.graph.tensors[i].hwc[0] for i in (first, *(i for i in views if i in seen))}
        return len(rows) == 1 and any(self.graph.tensors[i].hwc[0] not in rows for i in views)

    def _operand(self, unit: int, numbered: tuple[int, int]) -> tuple[int, int, Units]:
        """An operand's bit among the unit's, its bytes, and the other units that read it; never all of those have run
        where it is needed at the end."""
        position, n = numbered
        value = self.values[n]
        end = 1 << len(self.ops) if value.kept else 0
        return 1 << position, value.size, value.readers & ~(1 << unit) | end

    def _waits(self, value: int) -> bool:
        """Whether a value is needed after the unit that makes it."""
        return self.values[value].kept or self.values[value].readers != 0

    def _value(self, ident: TensorId) -> int:
        self.values.append(Value([ident], []))
        return len(self.values) - 1

    def _use(self, value: int, ident: TensorId) -> None:
        if ident not in self.values[value].tensors:
            self.values[value].tensors.append(ident)

    def _closures(self) -> tuple[list[Units], list[Units]]:
        before, after = [0] * len(self.ops), [0] * len(self.ops)
        for unit, readers in enumerate(self.nexts):
            for reader in readers:
                before[reader] |= before[unit] | 1 << unit
        for unit in reversed(range(len(self.ops))):
            for reader in self.nexts[unit]:
                after[unit] |= after[reader] | 1 << reader
        return before, after

    def _readers(self, values: Sequence[int]) -> Units:
        found = 0
        for n in values:
            found |= self.values[n].readers
        return found

    def _alone(self, unit: int, dying: Sequence[int]) -> Graph:
        """A unit as a graph: its operands are the inputs, what is needed after it the outputs.

        An operand that other units see in other rows is not freed row by row: it counts as needed.
        """
        reads = [self.values[n] for n in self.reads[unit]]
        shown = sorted({index for value in reads for index in value.views})
        ops = tuple(self.graph.ops[index] for index in (*shown, *self.ops[unit]))
        seen = {i for index in self.ops[unit] for i in self.graph.ops[index].inputs}
        kept = [self.values[n] for n in self.reads[unit] if n not in dying or self._has_other_rows(n, seen)]
        kept += [self.values[n] for n in self.makes[unit] if self._waits(n)]
        inputs = tuple(value.tensors[0] for value in reads)
        outputs = tuple(ident for value in kept for ident in value.tensors)
        named = {i for op in ops for i in (*op.inputs, *op.outputs) if i is not None} | {*inputs, *outputs}
        tensors = {ident: self.graph.tensors[ident] for ident in named}
        return replace(self.graph, tensors=tensors, ops=ops, inputs=inputs, outputs=outputs)


def members(units: Units) -> Iterator[int]:
    """The units of a set, in the graph's order."""
    while units:
        lowest = units & -units
        yield lowest.bit_length() - 1
        units ^= lowest
