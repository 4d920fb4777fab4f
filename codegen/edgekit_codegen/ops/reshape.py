"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape, of any type; no code runs."""

from __future__ import annotations

from ..ir.types import DType, Graph, Op, Shape
from . import layout, rules
from .attributes import Reshape
from .record import OpRecord, Overlap


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    x, out = graph.operand(op, 0), graph.result(op)
    if x.elements != out.elements:
        raise rules.illegal(graph, op, f"{rules.show(x)} and {rules.show(out)} differ in their number of elements")
    return (out.shape,)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    if x.dtype is not out.dtype:
        raise rules.illegal(graph, op, f"{rules.show(x)} and {rules.show(out)} differ in type")
    if x.dtype is DType.INT8:
        rules.require_int8(graph, op, x, out)
        layout.require_same_quant(graph, op, x, out)


def describe(graph: Graph, op: Op) -> str:
    return "to " + "x".join(str(d) for d in graph.result(op).shape)


RECORD = OpRecord(
    kind="reshape",
    attrs=Reshape,
    activations=1,
    infer=infer,
    check=check,
    access=layout.whole,
    input_boxes=layout.whole_box,
    overlap=Overlap.VIEW,
    describe=describe,
    kernel=None,
    types=("int8", "int16", "int32", "int64", "float32"),
)
