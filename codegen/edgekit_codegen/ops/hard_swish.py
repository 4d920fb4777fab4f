"""HARD_SWISH: x * clamp(x + 3, 0, 6) / 6."""

from __future__ import annotations

from ..ir.types import Graph, Op
from ..reference.elementwise import hard_swish_scaling
from . import rules, unary
from .attributes import HardSwish

SMALLEST, LARGEST = -15, 31  # exponents: shifts to the right within 16 bits, to the left within 64


def check(graph: Graph, op: Op) -> None:
    x, out = graph.operand(op, 0), graph.result(op)
    (_, of_output), (_, of_clamp) = hard_swish_scaling(x, out)
    if not (SMALLEST <= of_output <= 0 and SMALLEST <= of_clamp <= LARGEST):
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(x)} has scale {x.scale:.3g}, {rules.show(out)} has {out.scale:.3g}: 2^-22 to 2^24 is possible"
            " for the input, 2^-9 to 128 for the input's over the output's",
            "check the quantization of the model",
        )


RECORD = unary.record("hard_swish", HardSwish, check, limits=("input scale at most 128 times the output's",))
