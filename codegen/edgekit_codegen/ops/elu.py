"""ELU: exp(x) - 1 below zero."""

from __future__ import annotations

from ..ir.types import Graph, Op
from . import rules, unary
from .attributes import Elu

MOST_STEPS = 2.0**31  # of the output: as many as TensorFlow Lite holds before it clamps


def check(graph: Graph, op: Op) -> None:
    """The largest real value, in steps of the output, is one that single precision and an int32 hold."""
    x, out = graph.operand(op, 0), graph.result(op)
    steps = x.scale * 255.0 / out.scale
    if not steps < MOST_STEPS:
        raise rules.unsupported(
            graph,
            op,
            f"the output's scale {out.scale:.3g} is too small for an input of scale {x.scale:.3g}",
            "check the quantization of the model",
        )


RECORD = unary.record("elu", Elu, check)
