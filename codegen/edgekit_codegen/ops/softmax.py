"""SOFTMAX: exp(beta * x) over the last dimension, divided by its sum; int8 in, probabilities of scale 1/256 out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op
from ..reference.scaling import SOFTMAX_SUM_BITS, softmax_real_multiplier, softmax_scaling
from . import layout, rules
from .attributes import Softmax
from .record import CValue, Kernel, OpRecord, Overlap

OUT_SCALE, OUT_ZERO_POINT = 1.0 / 256.0, -128
MAX_DEPTH = (1 << SOFTMAX_SUM_BITS) - 1  # the sum of that many exponentials of 0 still fits


def _attrs(op: Op) -> Softmax:
    return cast(Softmax, op.attrs)


def check(graph: Graph, op: Op) -> None:
    check_logits(graph, op, _attrs(op).beta)
    require_output(graph, op, OUT_SCALE, OUT_ZERO_POINT, "1/256 and zero point -128")


def check_logits(graph: Graph, op: Op, beta: float) -> None:
    """What a softmax and its logarithm ask of their input."""
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x, out)
    if not x.shape:
        raise rules.illegal(graph, op, f"{rules.show(x)} has no last dimension")
    if x.shape[-1] > MAX_DEPTH:
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(x)} has {x.shape[-1]} classes, at most {MAX_DEPTH} are possible",
            "leave the softmax out and compare the logits instead",
        )
    if not softmax_real_multiplier(x, beta) > 1.0:
        raise rules.unsupported(
            graph,
            op,
            f"beta {beta:.3g} times the input's scale {x.scale:.3g} is not above 2^-26",
            "check the quantization of the model: all its outputs would be equal",
        )


def require_output(graph: Graph, op: Op, scale: float, zero_point: int, wanted: str) -> None:
    """The output's quantization, which the operator fixes."""
    out = graph.result(op)
    if out.scale != scale or out.zero_point != zero_point:
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(out)} has scale {out.scale:.6g} and zero point {out.zero_point}",
            f"quantize the output of a {op.kind} with scale {wanted}",
        )


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    """Every channel depends on all of them."""
    return (Box(box.y0, box.y1, box.x0, box.x1, 0, graph.operand(op, 0).hwc[2]),)


def describe(graph: Graph, op: Op) -> str:
    beta = _attrs(op).beta
    return "" if beta == 1.0 else f"beta {beta:g}"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x = graph.operand(op, 0)
    multiplier, shift, lowest = softmax_scaling(x, _attrs(op).beta)
    return {"channels": x.hwc[2], "multiplier": multiplier, "shift": shift, "lowest": lowest}


RECORD = OpRecord(
    kind="softmax",
    attrs=Softmax,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=input_boxes,
    overlap=Overlap.IN_PLACE,
    describe=describe,
    kernel=Kernel("softmax.h", "ek_softmax_row", "ek_softmax_t", params),
)
