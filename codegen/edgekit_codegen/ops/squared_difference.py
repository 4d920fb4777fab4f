"""SQUARED_DIFFERENCE: the square of the difference of two int8 tensors."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..reference.arithmetic import quantize_multiplier
from ..reference.elementwise import squared_difference_factors
from . import binary, rules
from .attributes import SquaredDifference
from .record import CValue


def check(graph: Graph, op: Op) -> None:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_scalable(graph, op, squared_difference_factors(a, b, out)[2])


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    pairs = [quantize_multiplier(f) for f in squared_difference_factors(a, b, out)]
    return {
        **binary.walk(graph, op),
        "in_zero": (a.zero_point, b.zero_point),
        "in_multiplier": (pairs[0][0], pairs[1][0]),
        "in_shift": (pairs[0][1], pairs[1][1]),
        "out_multiplier": pairs[2][0],
        "out_shift": pairs[2][1],
        "out_zero": out.zero_point,
    }


RECORD = binary.record("squared_difference", SquaredDifference, check, params)
