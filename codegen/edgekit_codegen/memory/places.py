"""Tensors that are parts of others: where each lies in the bytes that they share.

An operator that a schedule does not run moves nothing: its output is its input (reshape), or lies in it (a slice), or
holds its inputs (a concatenation). That is possible where the elements are neighbours in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE, layout
from ..ops.attributes import Concatenation, StridedSlice
from ..ops.record import Overlap

ALIGN = 4
"""Bytes. Rows are read as words at most (float32, int32 accumulators, four int8 at once), and every byte of coarser
alignment may cost arena. What needs more is served by the region's base, which is aligned to a cache line."""

Part = tuple[TensorId, int]


def parts(graph: Graph, op: Op) -> tuple[TensorId, tuple[Part, ...]] | None:
    """The tensor that holds the others of an operator that moves nothing, and where those begin in it, in bytes; None
    where the operator has to run."""
    if TABLE[op.kind].overlap is Overlap.VIEW:
        return graph.operand(op, 0).id, ((op.outputs[0], 0),)
    if isinstance(op.attrs, StridedSlice):
        first = _run(graph.operand(op, 0).shape, op.attrs)
        return None if first is None or first % ALIGN else (graph.operand(op, 0).id, ((op.outputs[0], first),))
    if isinstance(op.attrs, Concatenation):
        return _joined(graph, op, op.attrs.axis)
    return None


def _run(shape: tuple[int, ...], a: StridedSlice) -> int | None:
    """The first of the slice's elements, where they are neighbours in the whole and in its order."""
    first = last = 0
    count = 1
    for begin, size, step, stride in zip(a.begin, a.size, a.step, layout.strides(shape), strict=True):
        if size > 1 and step < 0:
            return None
        first, last, count = first + begin * stride, last + (begin + (size - 1) * step) * stride, count * size
    return first if last - first + 1 == count else None


def _joined(graph: Graph, op: Op, axis: int) -> tuple[TensorId, tuple[Part, ...]] | None:
    """The inputs one behind the other: nothing but 1 stands before the axis, none is constant or occurs twice."""
    out = graph.result(op)
    inputs = [graph.operand(op, i) for i in range(len(op.inputs))]
    if any(d > 1 for d in out.shape[:axis]) or any(x.is_constant for x in inputs):
        return None
    if len({x.id for x in inputs}) < len(inputs):
        return None
    found, first = [], 0
    for x in inputs:
        found.append((x.id, first))
        first += x.bytes
    return (out.id, tuple(found)) if all(begin % ALIGN == 0 for _, begin in found) else None


@dataclass(slots=True)
class _Family:
    """Tensors that lie in the same bytes.

    begins   of every member, in bytes from an origin of the family's own
    written  the members that an operator or the caller writes; no two of them overlap
    """

    begins: dict[TensorId, int]
    written: set[TensorId]


class Places:
    """The families of a graph's activations, each alone to begin with; `share` joins them.

    written  the tensors that are written: graph inputs, and the outputs of the operators that run
    """

    def __init__(self, graph: Graph, written: Iterable[TensorId]) -> None:
        self._graph = graph
        self._families: dict[TensorId, _Family] = {}
        taken = set(written)
        for tensor in graph.tensors.values():
            if not tensor.is_constant:
                self._families[tensor.id] = _Family({tensor.id: 0}, {tensor.id} & taken)

    def share(self, op: Op) -> bool:
        """Let an operator's tensors lie in each other, so that it need not run; False, and nothing changed, where
        they cannot: it computes, bytes would be wanted for two things, or some of them are the caller's."""
        found = parts(self._graph, op)
        if found is None:
            return False
        host, members = found
        target = self._families[host]
        joining: dict[int, tuple[_Family, int]] = {id(target): (target, 0)}  # and by how much their origins differ
        for part, begin in members:
            family = self._families[part]
            shift = target.begins[host] + begin - family.begins[part]
            if joining.setdefault(id(family), (family, shift))[1] != shift:
                return False
        written = [(family.begins[i] + shift, i) for family, shift in joining.values() for i in family.written]
        if len(written) > 1 and any(i in self._graph.outside for _, i in written):
            return False  # nothing is written next to what is the caller's
        if self._overlap(sorted(w for w in written if w[1] not in op.outputs)):
            return False
        for family, shift in joining.values():
            if family is not target:
                target.begins.update((ident, first + shift) for ident, first in family.begins.items())
                target.written |= family.written
                self._families.update(dict.fromkeys(family.begins, target))
        target.written -= set(op.outputs)
        return True

    def _overlap(self, written: list[tuple[int, TensorId]]) -> bool:
        """Whether two tensors have bytes in common, given by where they begin, in ascending order."""
        return any(begin + self._graph.tensors[i].bytes > after for (begin, i), (after, _) in pairwise(written))

    def members(self, ident: TensorId) -> Mapping[TensorId, int]:
        """The tensors of a family, and where each begins in bytes from the family's lowest."""
        begins = self._families[ident].begins
        lowest = min(begins.values())
        return {member: begin - lowest for member, begin in begins.items()}
