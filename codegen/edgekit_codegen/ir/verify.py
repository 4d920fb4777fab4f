"""The IR's legality, checked after the frontend and after every pass."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import CodegenError, IllegalGraph
from ..ops import TABLE, OpRecord
from .types import Graph, Op, Tensor, TensorId

_FOLD = "compute what only depends on constants before exporting the model"
_FREEZE = "freeze the model's weights before exporting it"


def verify(graph: Graph, after: str) -> Graph:
    """Return the graph unchanged, or raise IllegalGraph naming the rule, the operator and the stage `after`.

    Rules: every id named exists; each activation is written once and before it is read; constants and inputs are
    never written; every tensor is named by something; shapes are positive and constants match theirs; every operator
    is legal by itself (check_operator); every output is written by an operator and listed once. An UnsupportedModel
    that a record's check raises passes through.
    """
    for ident, tensor in graph.tensors.items():
        _require(ident == tensor.id, after, f"tensor {tensor.id} ({tensor.name}) is filed under {ident}")
        _check_tensor(tensor, after)
    named = {i for op in graph.ops for i in (*op.inputs, *op.outputs) if i is not None} | {
        *graph.inputs,
        *graph.outputs,
    }
    _require(named == set(graph.tensors), after, f"tensors and their uses differ: {named ^ set(graph.tensors)}")
    constants = {t.id for t in graph.tensors.values() if t.is_constant}
    written = set(constants)
    for ident in graph.inputs:
        _require(ident not in written, after, f"input tensor {ident} is a constant or listed twice")
        written.add(ident)
    produced: set[int] = set()
    for index, op in enumerate(graph.ops):
        where = f"operator {index} ({op.kind}, source {list(op.origin)})"
        for source in op.inputs:
            _require(source is None or source in written, after, f"{where} reads tensor {source} before it is written")
        for result in op.outputs:
            _require(result not in written, after, f"{where} writes tensor {result} a second time")
            written.add(result)
            produced.add(result)
        _require(any(i not in constants for i in op.inputs), after, f"{where} only depends on constants")
        try:
            check_operator(graph, op)
        except IllegalGraph as error:
            raise IllegalGraph(error.code, f"after {after}: {where}: {error.message}", error.hint) from error
    for ident in graph.outputs:
        _require(ident in produced, after, f"output tensor {ident} is not written by an operator")
    _require(len(set(graph.outputs)) == len(graph.outputs), after, f"outputs {list(graph.outputs)} repeat a tensor")
    return graph


def check_operator(graph: Graph, op: Op) -> None:
    """Return when an operator and the tensors it names are legal, whatever stands around it.

    It is in the table and has its record's attributes; activations come first, the inputs after them are constants or
    absent; the record's check passes and its outputs have the shapes that the record
    infers. Raises IllegalGraph, and UnsupportedModel where the record's check does.
    """
    if op.kind not in TABLE:
        raise IllegalGraph("graph.illegal", f"{op.kind} is not in the operator table")
    record = TABLE[op.kind]
    if not isinstance(op.attrs, record.attrs):
        raise IllegalGraph("graph.illegal", f"its attributes are {type(op.attrs).__name__}")
    _check_operands(graph, op, record)
    try:
        record.check(graph, op)
        inferred = record.infer(graph, op)
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        # A record's check need not foresee every shape; what it trips over is illegal as well.
        raise IllegalGraph("graph.illegal", f"impossible shapes or values: {error}") from error
    actual = tuple(graph.tensors[i].shape for i in op.outputs)
    if inferred != actual:
        expected, found = (", ".join(str(list(s)) for s in shapes) for shapes in (inferred, actual))
        raise IllegalGraph("graph.shape", f"its output should have shape {expected} but has {found}")


def is_legal(op: Op, tensors: Mapping[TensorId, Tensor]) -> bool:
    """Whether check_operator accepts an operator over tensors by id."""
    named = {i: tensors[i] for i in (*op.inputs, *op.outputs) if i is not None}
    inputs = tuple(i for i in dict.fromkeys(op.inputs) if i is not None and not named[i].is_constant)
    try:
        check_operator(Graph("candidate", named, (op,), inputs, op.outputs), op)
    except CodegenError:
        return False
    return True


def _check_operands(graph: Graph, op: Op, record: OpRecord) -> None:
    operands = graph.operands(op)
    count = len(operands) if record.activations is None else record.activations
    computed = any(operand is not None and not operand.is_constant for operand in operands[:count])
    allowed = record.constants or not computed
    for position, operand in enumerate(operands):
        if position < count and operand is None:
            raise IllegalGraph("graph.activation", f"input {position} is absent")
        if position < count and operand is not None and operand.is_constant and not allowed:
            what = f"input {position} is the constant {operand.name}, not an activation"
            raise IllegalGraph("graph.activation", what, _FOLD)
        if position >= count and operand is not None and not operand.is_constant:
            raise IllegalGraph("graph.constant", f"input {position} ({operand.name}) is not constant", _FREEZE)


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
