"""MEAN: the average over any dimensions of an int8 tensor, with the change of scale in the same step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from ..ir.types import Graph, Op, Shape
from ..reference.scaling import mean_multiplier, requantize_factor
from . import layout, rules
from .attributes import Mean
from .record import CValue, Kernel, OpRecord

MAX_ELEMENTS = 1 << 23  # reduced into one: their sum less the zero points fits int32


def _attrs(op: Op) -> Mean:
    return cast(Mean, op.attrs)


def _count(graph: Graph, op: Op) -> int:
    shape = graph.operand(op, 0).shape
    return math.prod(shape[i] for i in _attrs(op).axes)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    a, shape = _attrs(op), graph.operand(op, 0).shape
    if a.keep_dims:
        return (tuple(1 if i in a.axes else size for i, size in enumerate(shape)),)
    return (tuple(size for i, size in enumerate(shape) if i not in a.axes),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    a, x, out = _attrs(op), graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x, out)
    if list(a.axes) != sorted(set(a.axes)) or any(not 0 <= i < len(x.shape) for i in a.axes):
        raise rules.illegal(graph, op, f"axes {list(a.axes)} are not ascending dimensions of {rules.show(x)}")
    if _count(graph, op) > MAX_ELEMENTS:
        raise rules.unsupported(
            graph,
            op,
            f"averages {_count(graph, op)} elements of {rules.show(x)} into one, at most {MAX_ELEMENTS} are possible",
            "reduce the dimensions in two steps",
        )
    rules.require_scalable(graph, op, requantize_factor(x, out))


def describe(graph: Graph, op: Op) -> str:
    return "over " + ", ".join(str(i) for i in _attrs(op).axes) if _attrs(op).axes else "over nothing"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    """Strides are those of the input: of each output dimension, then of each reduced one."""
    a, x, out = _attrs(op), graph.operand(op, 0), graph.result(op)
    steps = layout.strides(x.shape)
    kept = tuple(0 if i in a.axes else step for i, step in enumerate(steps) if a.keep_dims or i not in a.axes)
    multiplier, shift = mean_multiplier(x, out, _count(graph, op))
    return {
        "channels": out.hwc[2],
        "out_step": layout.last_three(kept, 0),
        "count": layout.last_three(tuple(x.shape[i] for i in a.axes), 1),
        "step": layout.last_three(tuple(steps[i] for i in a.axes), 0),
        "bias": -x.zero_point * _count(graph, op),
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": out.zero_point,
    }


RECORD = OpRecord(
    kind="mean",
    attrs=Mean,
    activations=1,
    infer=infer,
    check=check,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=describe,
    kernel=Kernel("mean.h", "ek_mean_row", "ek_mean_t", params),
)
