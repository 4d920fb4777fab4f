"""TANH: the hyperbolic tangent; int8 in, scale 1/128 out."""

from __future__ import annotations

from ..ir.types import Graph, Op
from . import unary
from .attributes import Tanh
from .logistic import require_argument
from .softmax import require_output


def check(graph: Graph, op: Op) -> None:
    require_argument(graph, op)
    require_output(graph, op, 1.0 / 128.0, 0, "1/128 and zero point 0")


RECORD = unary.record("tanh", Tanh, check, limits=("output scale 1/128 and zero point 0",))
