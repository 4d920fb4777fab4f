"""RELU, RELU6, RELU_N1_TO_1 on their own: a change of scale, then a clamp.

Where input and output are quantized alike the change of scale is exact and only the clamp remains. TensorFlow Lite
Micro ignores the output's quantization in RELU6 and has no RELU_N1_TO_1; with different scales both follow RELU's
rule here, which is also LiteRT's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Activation, Graph, Op
from ..reference.arithmetic import activation_range, quantize_multiplier
from ..reference.scaling import requantize_factor
from . import layout, rules
from .attributes import Relu
from .record import CValue, Kernel, OpRecord, Overlap


def _attrs(op: Op) -> Relu:
    return cast(Relu, op.attrs)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x, out)
    if _attrs(op).activation is Activation.NONE:
        raise rules.illegal(graph, op, "has no activation")
    rules.require_scalable(graph, op, requantize_factor(x, out))
    rules.require_clamp(graph, op, _attrs(op).activation, out)


def describe(graph: Graph, op: Op) -> str:
    activation = _attrs(op).activation
    return "" if activation is Activation.RELU else activation.value


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out = graph.operand(op, 0), graph.result(op)
    multiplier, shift = quantize_multiplier(requantize_factor(x, out))
    low, high = activation_range(_attrs(op).activation, out)
    return {
        "channels": x.hwc[2],
        "in_zero": x.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


RECORD = OpRecord(
    kind="relu",
    attrs=Relu,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=layout.same_box,
    overlap=Overlap.IN_PLACE,
    describe=describe,
    kernel=Kernel("relu.h", "ek_relu_row", "ek_relu_t", params),
)
