"""PARTIAL_SUMS: what some of its input channels add to the int32 sums of a pointwise convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import DType, Graph, Op, Shape
from . import rules
from .attributes import PartialSums
from .record import CValue, Kernel, OpRecord, Oracle, Overlap, RowMap, Rows


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    x, weights = graph.operand(op, 1), graph.operand(op, 2)
    return ((*x.shape[:3], weights.shape[0]),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=3)
    sums, x, weights, out = (*(graph.operand(op, i) for i in range(3)), graph.result(op))
    rules.require_int8(graph, op, x)
    rules.require_image(graph, op, x)
    rules.require_weights(graph, op, weights, axis=0)
    if x.is_constant or weights.shape != (weights.shape[0], 1, 1, x.shape[3]):
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} are not [out, 1, 1, in] of {rules.show(x)}")
    there = (1, 1, 1, weights.shape[0]) if sums.is_constant else (*x.shape[:3], weights.shape[0])
    if sums.dtype is not DType.INT32 or out.dtype is not DType.INT32 or sums.shape != there:
        raise rules.illegal(graph, op, f"{rules.show(sums)} are not the sums that become {rules.show(out)}")


def access(graph: Graph, op: Op) -> Rows:
    begins = graph.operand(op, 0).is_constant
    return Rows((RowMap(()) if begins else None, None))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    there = Box(0, 1, 0, 1, box.c0, box.c1) if graph.operand(op, 0).is_constant else box
    return there, Box(box.y0, box.y1, box.x0, box.x1, 0, graph.operand(op, 1).shape[3])


def macs(graph: Graph, op: Op) -> int:
    return graph.result(op).elements * graph.operand(op, 1).shape[3]


def describe(graph: Graph, op: Op) -> str:
    return f"of {graph.operand(op, 1).shape[3]} channels"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    sums, x = graph.operand(op, 0), graph.operand(op, 1)
    channels = graph.result(op).shape[3]
    return {"in_c": x.shape[3], "out_c": channels, "pitch": 0 if sums.is_constant else channels}


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    data = graph.operand(op, 2).data
    assert data is not None
    return np.ascontiguousarray(data).reshape(-1)


RECORD = OpRecord(
    kind="partial_sums",
    attrs=PartialSums,
    activations=2,
    constants=True,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    macs=macs,
    overlap=Overlap.IN_PLACE,
    describe=describe,
    kernel=Kernel("partial_sums.h", "ek_partial_sums_row", "ek_partial_sums_t", params, weights),
    types=("int32",),
    oracle=Oracle.DEFINITION,
)
