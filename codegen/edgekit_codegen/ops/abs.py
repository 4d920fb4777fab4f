"""ABS: the absolute value, with a change of scale."""

from __future__ import annotations

from ..ir.types import Graph, Op
from ..reference.scaling import requantize_factor
from . import rules, unary
from .attributes import Abs


def check(graph: Graph, op: Op) -> None:
    rules.require_scalable(graph, op, requantize_factor(graph.operand(op, 0), graph.result(op)))


RECORD = unary.record("abs", Abs, check)
