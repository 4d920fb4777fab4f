"""MUL: the product of two int8 tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Graph, Op
from ..reference.arithmetic import activation_range, quantize_multiplier
from ..reference.elementwise import mul_factor
from . import binary, linear, rules
from .attributes import Mul
from .record import CValue


def _attrs(op: Op) -> Mul:
    return cast(Mul, op.attrs)


def check(graph: Graph, op: Op) -> None:
    rules.require_clamp(graph, op, _attrs(op).activation, graph.result(op))
    rules.require_scalable(graph, op, mul_factor(graph.operand(op, 0), graph.operand(op, 1), graph.result(op)))


def describe(graph: Graph, op: Op) -> str:
    return linear.activation_text(_attrs(op).activation).strip()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    multiplier, shift = quantize_multiplier(mul_factor(a, b, out))
    low, high = activation_range(_attrs(op).activation, out)
    return {
        **binary.walk(graph, op),
        "in_zero": (a.zero_point, b.zero_point),
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


RECORD = binary.record("mul", Mul, check, params, describe)
