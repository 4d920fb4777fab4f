"""ADD: the sum of two int8 tensors of equal shape, each with its own scale and zero point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from ..reference.arithmetic import activation_range, add_factors, quantize_multiplier
from . import linear, rules
from .attributes import Add
from .record import CValue, Kernel, OpRecord, Overlap, Rows


def _attrs(op: Op) -> Add:
    return cast(Add, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    return (graph.operand(op, 0).shape,)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=2)
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, a, b, out)
    if a.shape != b.shape:
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(a)} and {rules.show(b)} differ in shape",
            "broadcast the smaller operand explicitly, so that both have the output's shape",
        )
    for tensor in (a, b):
        if tensor.is_constant:
            raise rules.unsupported(
                graph, op, f"{rules.show(tensor)} is constant", "fold the constant into the bias of a convolution"
            )
    if add_factors(a, b, out)[2] >= 1.0:
        raise rules.unsupported(
            graph,
            op,
            f"the output's scale {out.scale:.3g} is too small for inputs of scale {max(a.scale, b.scale):.3g}",
            "check the quantization of the model",
        )


def access(graph: Graph, op: Op) -> Rows:
    return Rows((None, None))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    return (box, box)


def describe(graph: Graph, op: Op) -> str:
    return linear.activation_text(_attrs(op).activation).strip()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    pairs = [quantize_multiplier(f) for f in add_factors(a, b, out)]
    low, high = activation_range(_attrs(op).activation, out)
    return {
        "channels": out.hwc[2],
        "in_zero": (a.zero_point, b.zero_point),
        "in_multiplier": (pairs[0][0], pairs[1][0]),
        "in_shift": (pairs[0][1], pairs[1][1]),
        "out_multiplier": pairs[2][0],
        "out_shift": pairs[2][1],
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


RECORD = OpRecord(
    kind="add",
    attrs=Add,
    activations=2,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    overlap=Overlap.IN_PLACE,
    describe=describe,
    kernel=Kernel("add.h", "ek_add_row", "ek_add_t", params),
)
