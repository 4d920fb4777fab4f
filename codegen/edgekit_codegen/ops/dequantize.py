"""DEQUANTIZE: int8 to float32."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import DType, Graph, Op
from . import layout, rules
from .attributes import Dequantize
from .record import CValue, Kernel, OpRecord


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x)
    if out.dtype is not DType.FLOAT32:
        raise rules.unsupported(graph, op, f"{rules.show(out)} is not float32", "dequantize to float32")


def describe(graph: Graph, op: Op) -> str:
    return "int8 to float32"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x = graph.operand(op, 0)
    return {"channels": x.hwc[2], "scale": x.scale, "zero": x.zero_point}


RECORD = OpRecord(
    kind="dequantize",
    attrs=Dequantize,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=layout.same_box,
    describe=describe,
    kernel=Kernel("dequantize.h", "ek_dequantize_row", "ek_dequantize_t", params),
    types=("int8 to float32",),
)
