"""LOGISTIC: 1 / (1 + exp(-x)); int8 in, scale 1/256 out."""

from __future__ import annotations

from ..ir.types import Graph, Op
from . import rules, unary
from .attributes import Logistic
from .softmax import require_output

SCALES = 2.0**-28, 2.0**30  # of the input: in between, the argument's shift is one that 64 bits allow


def check(graph: Graph, op: Op) -> None:
    require_argument(graph, op)
    require_output(graph, op, 1.0 / 256.0, -128, "1/256 and zero point -128")


def require_argument(graph: Graph, op: Op) -> None:
    """What LOGISTIC and TANH ask of their input."""
    x = graph.operand(op, 0)
    if not SCALES[0] <= x.scale <= SCALES[1]:
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(x)} has scale {x.scale:.3g}, 2^-28 to 2^30 is possible",
            "check the quantization of the model: all its outputs would be equal",
        )


RECORD = unary.record("logistic", Logistic, check, limits=("output scale 1/256 and zero point -128",))
