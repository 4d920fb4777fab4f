"""PRELU: negative elements are multiplied by alpha, which is broadcast to the input."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..reference.arithmetic import quantize_multiplier
from ..reference.elementwise import mul_factor
from ..reference.scaling import requantize_factor
from . import binary, rules
from .attributes import Prelu
from .record import CValue


def check(graph: Graph, op: Op) -> None:
    x, alpha, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    if binary.infer(graph, op) != (x.shape,):
        raise rules.illegal(graph, op, f"{rules.show(alpha)} cannot be broadcast to {rules.show(x)}")
    rules.require_scalable(graph, op, requantize_factor(x, out), mul_factor(x, alpha, out))


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, alpha, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    pairs = [quantize_multiplier(f) for f in (requantize_factor(x, out), mul_factor(x, alpha, out))]
    return {
        **binary.walk(graph, op),
        "in_zero": (x.zero_point, alpha.zero_point),
        "multiplier": (pairs[0][0], pairs[1][0]),
        "shift": (pairs[0][1], pairs[1][1]),
        "out_zero": out.zero_point,
    }


RECORD = binary.record("prelu", Prelu, check, params)
