"""LEAKY_RELU: elements below zero are multiplied by alpha."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from ..reference.elementwise import leaky_relu_factors
from . import rules, unary
from .attributes import LeakyRelu


def _attrs(op: Op) -> LeakyRelu:
    return cast(LeakyRelu, op.attrs)


def check(graph: Graph, op: Op) -> None:
    factors = leaky_relu_factors(graph.operand(op, 0), graph.result(op), _attrs(op).alpha)
    rules.require_scalable(graph, op, *map(abs, factors))


def describe(graph: Graph, op: Op) -> str:
    return f"alpha {_attrs(op).alpha:g}"


RECORD = unary.record("leaky_relu", LeakyRelu, check, describe)
