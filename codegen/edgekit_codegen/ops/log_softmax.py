"""LOG_SOFTMAX: the logarithm of a softmax over the last dimension; int8 in, logarithms of scale 1/16 out."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..reference.scaling import log_softmax_reverse, softmax_scaling
from . import layout, softmax
from .attributes import LogSoftmax
from .record import CValue, Kernel, OpRecord, Overlap

OUT_SCALE, OUT_ZERO_POINT = 1.0 / 16.0, 127


def check(graph: Graph, op: Op) -> None:
    softmax.check_logits(graph, op, beta=1.0)
    softmax.require_output(graph, op, OUT_SCALE, OUT_ZERO_POINT, "1/16 and zero point 127")


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x = graph.operand(op, 0)
    multiplier, shift, lowest = softmax_scaling(x, 1.0)
    reverse_multiplier, reverse_shift = log_softmax_reverse(x)
    return {
        "channels": x.hwc[2],
        "multiplier": multiplier,
        "shift": shift,
        "lowest": lowest,
        "reverse_multiplier": reverse_multiplier,
        "reverse_shift": reverse_shift,
    }


RECORD = OpRecord(
    kind="log_softmax",
    attrs=LogSoftmax,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=softmax.input_boxes,
    overlap=Overlap.IN_PLACE,
    kernel=Kernel("log_softmax.h", "ek_log_softmax_row", "ek_log_softmax_t", params),
)
