"""Computed again: what both a sum and a later operator read is computed for each of them, and never lies whole.

In squeeze and excitation a tensor is reduced to one pixel, and then scaled by what follows from that: it has to wait.
Where it was computed from something much smaller, that can wait instead: a copy of the operators between the two feeds
the reduction, whose rows are added up as they come, and the operators themselves run afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..ops.record import Rows, Window

SMALLER = 2
"""Times that what waits instead is smaller, at least."""


@dataclass(frozen=True, slots=True)
class Again:
    """What is computed again: the operators from tensor `source`, which waits, to tensor `result`, which does not."""

    source: TensorId
    result: TensorId


def candidates(graph: Graph) -> Iterator[Again]:
    """Tensors that wait for what a reduction of their own leads to, each with the nearest one that is much smaller and
    computed before it, row by row."""
    for op in graph.ops:
        result = graph.result(op)
        if not _reductions(graph, result.id):
            continue
        chain = (graph.operand(step, 0) for step in _back(graph, result.id))
        source = next((t for t in chain if t.bytes * SMALLER <= result.bytes), None)
        if source is not None:
            yield Again(source.id, result.id)


def waiting(graph: Graph) -> Iterator[int]:
    """Bytes that lie there at once, whatever the schedule, while a tensor waits for what its own reduction leads to:
    the tensor, and what it was computed from and something later reads, too."""
    for ident in {op.outputs[0] for op in graph.ops}:
        reductions = _reductions(graph, ident)
        later = [op for first in reductions for op in _behind(graph, first)]
        if reductions and any(_reads_all(graph, op, ident) for op in later):
            before = _before(graph, ident)
            held = {i for op in later for i in op.inputs if i in before and _reads_all(graph, op, i)}
            yield graph.tensors[ident].bytes + sum(graph.tensors[i].bytes for i in held)


def computed_again(graph: Graph, again: Again) -> Graph:
    """The graph with those operators twice: first for the reductions alone, then, as late as can be, for all others.

    The copies come where the operators were. Raises ValueError where the graph has no such operators.
    """
    chain = layers(graph, again)
    reductions = _reductions(graph, again.result)
    if not chain or not reductions:
        raise ValueError(f"tensor {again.result} cannot be computed again from tensor {again.source}")
    tensors = dict(graph.tensors)
    copied = {again.source: again.source}
    for op in chain:
        old = graph.result(op)
        copied[old.id] = max(tensors) + 1
        tensors[copied[old.id]] = replace(old, id=copied[old.id], name=f"{old.name} (summed)")
    made: list[Op] = []
    waiting = list(chain)
    written = {op.outputs[0] for op in chain}
    for op in graph.ops:
        if op in chain:
            made.append(replace(op, inputs=(copied[_source(op)], *op.inputs[1:]), outputs=(copied[op.outputs[0]],)))
        elif op in reductions:
            made.append(replace(op, inputs=tuple(copied[again.result] if i == again.result else i for i in op.inputs)))
        else:
            if waiting and written.intersection(op.inputs):
                made += waiting
                waiting = []
            made.append(op)
    return graph.with_ops((*made, *waiting), tensors)


def work(graph: Graph, again: Again) -> int:
    """Multiply-accumulates that are executed once more."""
    return sum(TABLE[op.kind].macs(graph, op) for op in layers(graph, again))


def layers(graph: Graph, again: Again) -> list[Op]:
    """The operators from source to result, in order; empty where none lead there. In the graph that `computed_again`
    made, those that run once more."""
    chain: list[Op] = []
    for op in _back(graph, again.result):
        chain.insert(0, op)
        if _source(op) == again.source:
            return chain
    return []


def _back(graph: Graph, ident: TensorId) -> Iterator[Op]:
    """The operators that lead to a tensor, the last one first, as long as each reads rows of one activation."""
    while (op := graph.producer(ident)) is not None and _by_rows(graph, op):
        yield op
        ident = _source(op)


def _source(op: Op) -> TensorId:
    assert op.inputs[0] is not None
    return op.inputs[0]


def _by_rows(graph: Graph, op: Op) -> bool:
    record = TABLE[op.kind]
    read = [i for i, tensor in enumerate(graph.operands(op)) if tensor is not None and not tensor.is_constant]
    return read == [0] and record.kernel is not None and isinstance(record.access(graph, op), Window | Rows)


def _reductions(graph: Graph, ident: TensorId) -> Sequence[Op]:
    """The readers of a tensor that add its rows up, and lead to another reader of it."""
    readers = graph.consumers(ident)
    sums = [op for op in readers if TABLE[op.kind].sums(graph, op)] if len(readers) > 1 else []
    return [op for op in sums if any(later in readers for later in _behind(graph, op))]


def _behind(graph: Graph, op: Op) -> Iterator[Op]:
    """The operators that something of an operator's output reaches."""
    reached = set(op.outputs)
    for later in graph.ops:
        if reached.intersection(later.inputs):
            reached.update(later.outputs)
            yield later


def _before(graph: Graph, ident: TensorId) -> set[TensorId]:
    """What a tensor is computed from, row by row, one operator after the other."""
    return {_source(op) for op in _back(graph, ident)}


def _reads_all(graph: Graph, op: Op, ident: TensorId) -> bool:
    """Whether row y of an operator's output reads row y of a tensor, for all its rows."""
    access = TABLE[op.kind].access(graph, op)
    return isinstance(access, Rows) and any(
        tensor.id == ident and access.maps[position] is None and tensor.hwc[0] == graph.result(op).hwc[0]
        for position, tensor in enumerate(TABLE[op.kind].operands(graph, op))
    )
