"""QUANTIZE: float32 to int8, or int8 to another scale and zero point."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import DType, Graph, Op
from ..reference.arithmetic import quantize_multiplier
from ..reference.scaling import requantize_factor
from . import layout, rules
from .attributes import Quantize
from .record import CValue, Kernel, OpRecord, Overlap


def _from_float(graph: Graph, op: Op) -> bool:
    return graph.operand(op, 0).dtype is DType.FLOAT32


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, out)
    if not _from_float(graph, op):
        if x.dtype is not DType.INT8:
            raise rules.unsupported(
                graph,
                op,
                f"{rules.show(x)} is neither float32 nor int8",
                "quantize the model fully to int8, with float32 or int8 inputs",
            )
        rules.require_int8(graph, op, x)
        rules.require_scalable(graph, op, requantize_factor(x, out))


def describe(graph: Graph, op: Op) -> str:
    return f"{graph.operand(op, 0).dtype.value} to int8"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out = graph.operand(op, 0), graph.result(op)
    from_float = _from_float(graph, op)
    multiplier, shift = (0, 0) if from_float else quantize_multiplier(requantize_factor(x, out))
    return {
        "channels": x.hwc[2],
        "from_float": int(from_float),
        "scale": out.scale,
        "in_zero": 0 if from_float else x.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": out.zero_point,
    }


RECORD = OpRecord(
    kind="quantize",
    attrs=Quantize,
    activations=1,
    infer=layout.same_shape,
    check=check,
    access=layout.same_row,
    input_boxes=layout.same_box,
    overlap=Overlap.IN_PLACE,
    describe=describe,
    kernel=Kernel("quantize.h", "ek_quantize_row", "ek_quantize_t", params),
    types=("float32 to int8", "int8"),
)
