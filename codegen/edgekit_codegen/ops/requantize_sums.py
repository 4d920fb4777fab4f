"""REQUANTIZE_SUMS: the int32 sums of a convolution, with a scale for each channel, as int8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from ..ir.types import DType, Graph, Op
from ..reference.arithmetic import activation_range, quantize_multipliers
from ..reference.requantize_sums import factors
from . import layout, linear, rules
from .attributes import RequantizeSums
from .record import CValue, Kernel, OpRecord, Oracle, Requant


def _factors(graph: Graph, op: Op) -> Sequence[float]:
    return factors(graph.operand(op, 0), graph.result(op))


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, out)
    if x.dtype is not DType.INT32 or x.quant is None or any(x.quant.zero_point):
        raise rules.illegal(graph, op, f"{rules.show(x)} are no sums with scales and zero points of 0")
    if x.quant.per_channel and x.quant.axis != len(x.shape) - 1:
        raise rules.illegal(graph, op, f"{rules.show(x)} have scales along dimension {x.quant.axis}")
    rules.require_scalable(graph, op, *_factors(graph, op))
    rules.require_clamp(graph, op, cast(RequantizeSums, op.attrs).activation, out)


def describe(graph: Graph, op: Op) -> str:
    return linear.activation_text(cast(RequantizeSums, op.attrs).activation).strip()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    out = graph.result(op)
    low, high = activation_range(cast(RequantizeSums, op.attrs).activation, out)
    return {"channels": out.hwc[2], "out_zero": out.zero_point, "act_min": low, "act_max": high}


def requant(graph: Graph, op: Op) -> Requant:
    multiplier, shift = quantize_multipliers(_factors(graph, op))
    return Requant(np.zeros(len(multiplier), np.int32), multiplier.astype(np.int32), shift.astype(np.int32))


RECORD = OpRecord(
    kind="requantize_sums",
    attrs=RequantizeSums,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=layout.same_box,
    describe=describe,
    kernel=Kernel("requantize_sums.h", "ek_requantize_sums_row", "ek_requantize_sums_t", params, requant=requant),
    types=("int32 to int8",),
    oracle=Oracle.DEFINITION,
)
