"""The IR's legality, checked after the frontend and after every pass."""

from __future__ import annotations

from ..errors import IllegalGraph
from ..ops import TABLE
from .types import Graph, Tensor


def verify(graph: Graph, after: str) -> Graph:
    """Return the graph unchanged, or raise IllegalGraph naming the rule, the operator and the stage `after`.

    Rules: every id named exists; each activation is written once and before it is read; constants and inputs are
    never written; every tensor is named by something; shapes are positive and constants match theirs; every operator
    is in the table, satisfies its record's check and has the shapes its record infers.
    """
    for tensor in graph.tensors.values():
        _check_tensor(tensor, after)
    named = {i for op in graph.ops for i in (*op.inputs, *op.outputs) if i is not None} | {*graph.inputs, *graph.outputs}
    _require(named == set(graph.tensors), after, f"tensors and their uses differ: {named ^ set(graph.tensors)}")
    written = {t.id for t in graph.tensors.values() if t.is_constant}
    for ident in graph.inputs:
        _require(ident not in written, after, f"input tensor {ident} is a constant or listed twice")
        written.add(ident)
    for index, op in enumerate(graph.ops):
        where = f"operator {index} ({op.kind}, source {list(op.origin)})"
        _require(op.kind in TABLE, after, f"{where} is not in the operator table")
        record = TABLE[op.kind]
        _require(isinstance(op.attrs, record.attrs), after, f"{where} has {type(op.attrs).__name__}")
        for ident in op.inputs:
            _require(ident is None or ident in written, after, f"{where} reads tensor {ident} before it is written")
        for ident in op.outputs:
            _require(ident not in written, after, f"{where} writes tensor {ident} a second time")
            written.add(ident)
        record.check(graph, op)
        inferred = record.infer(graph, op)
        actual = tuple(graph.tensors[i].shape for i in op.outputs)
        _require(inferred == actual, after, f"{where} infers {inferred} but its outputs are {actual}")
    for ident in graph.outputs:
        _require(ident in written, after, f"output tensor {ident} is never written")
    return graph


def _check_tensor(tensor: Tensor, after: str) -> None:
    where = f"tensor {tensor.id} ({tensor.name})"
    _require(all(d >= 1 for d in tensor.shape), after, f"{where} has shape {list(tensor.shape)}")
    if tensor.data is not None:
        _require(tensor.data.shape == tensor.shape, after, f"{where}: data is {tensor.data.shape}, not {tensor.shape}")
        _require(tensor.data.dtype == tensor.dtype.numpy, after, f"{where}: data is {tensor.data.dtype}")
    if tensor.quant is not None:
        q = tensor.quant
        _require(len(q.scale) == len(q.zero_point) >= 1, after, f"{where} has {len(q.scale)} scales")
        _require(all(0.0 < s < float("inf") for s in q.scale), after, f"{where} has a scale that is not positive")
        if q.per_channel:
            fits = 0 <= q.axis < len(tensor.shape) and tensor.shape[q.axis] == len(q.scale)
            _require(fits, after, f"{where}: {len(q.scale)} scales do not match axis {q.axis}")


def _require(condition: bool, after: str, message: str) -> None:
    if not condition:
        raise IllegalGraph("graph.illegal", f"after {after}: {message}")
