"""Whether a graph's output can leave row by row, and what keeps it from that."""

from __future__ import annotations

from ..ir.types import Graph, Op, TensorId
from ..naming import short_name
from ..ops import TABLE
from ..ops.record import Whole


def resident(graph: Graph, ident: TensorId) -> str | None:
    """Why an output has to lie in memory as a whole, in words that follow "the output cannot leave row by row:"; None
    where a stream of the operator that computes it alone can hand it over."""
    writer = next(n for n, op in enumerate(graph.ops) if ident in op.outputs)
    op, name = graph.ops[writer], short_name(graph.tensors[ident])
    record = TABLE[op.kind]
    if record.kernel is None:
        return f"'{name}' is only a {op.kind} of '{short_name(graph.operand(op, 0))}', no layer computes its rows"
    if isinstance(record.access(graph, op), Whole):
        return f"{_layer(graph, writer)} computes it from the whole of {operands(graph, op)}"
    reader = next((n for n, op in enumerate(graph.ops) if ident in op.inputs), None)
    return None if reader is None else f"{_layer(graph, reader)} needs '{name}', which is gone by then"


def _layer(graph: Graph, index: int) -> str:
    """An operator by its number among those that run, as every report counts them, and its kind."""
    number = sum(TABLE[op.kind].kernel is not None for op in graph.ops[:index])
    op = graph.ops[index]
    return op.kind if TABLE[op.kind].kernel is None else layer_name(number, op)


def layer_name(number: int, op: Op) -> str:
    """An operator for people, in the midst of a sentence. number: among those that run."""
    return f"layer {number:02d}, {op.kind},"


def operands(graph: Graph, op: Op) -> str:
    """What an operator reads that is not constant, for people."""
    return " and ".join(f"'{short_name(t)}'" for t in TABLE[op.kind].operands(graph, op) if not t.is_constant)
