"""ADD: the sum of two int8 tensors, each with its own scale and zero point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Activation, Graph, Op
from ..reference.arithmetic import activation_range, add_factors, quantize_multiplier
from . import binary, linear, rules
from .attributes import Add
from .record import CValue


def _attrs(op: Op) -> Add:
    return cast(Add, op.attrs)


def check(graph: Graph, op: Op) -> None:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_clamp(graph, op, _attrs(op).activation, out)
    binary.require_fractions(graph, op, a, b, out, add_factors(a, b, out)[2])


def describe(graph: Graph, op: Op) -> str:
    return linear.activation_text(_attrs(op).activation).strip()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return sum_params(graph, op, 1, _attrs(op).activation)


def sum_params(graph: Graph, op: Op, sign: int, activation: Activation) -> Mapping[str, CValue]:
    """sign: of the second operand."""
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    pairs = [quantize_multiplier(f) for f in add_factors(a, b, out)]
    low, high = activation_range(activation, out)
    return {
        **binary.walk(graph, op),
        "sign": sign,
        "in_zero": (a.zero_point, b.zero_point),
        "in_multiplier": (pairs[0][0], pairs[1][0]),
        "in_shift": (pairs[0][1], pairs[1][1]),
        "out_multiplier": pairs[2][0],
        "out_shift": pairs[2][1],
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


RECORD = binary.record("add", Add, check, params, describe)
