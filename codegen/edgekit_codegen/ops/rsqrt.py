"""RSQRT: 1 / sqrt(x); 127 for zero and for what has no root."""

from __future__ import annotations

from ..ir.types import Graph, Op
from ..reference.arithmetic import quantize_multiplier
from ..reference.elementwise import RSQRT_SHIFT, rsqrt_factor
from . import rules, unary
from .attributes import Rsqrt

EXPONENTS = RSQRT_SHIFT - 31, 31 - 1  # of the factor: what is left of RSQRT_SHIFT + 1 bits fits a register


def check(graph: Graph, op: Op) -> None:
    x, out = graph.operand(op, 0), graph.result(op)
    factor = rsqrt_factor(x, out)
    multiplier, exponent = quantize_multiplier(factor)
    if not (multiplier and EXPONENTS[0] <= exponent <= EXPONENTS[1]):
        raise rules.unsupported(
            graph,
            op,
            f"the scales {x.scale:.3g} and {out.scale:.3g} ask for a factor of {factor:.3g},"
            f" 2^{EXPONENTS[0]} to 2^{EXPONENTS[1]} is possible",
            "check the quantization of the model",
        )


RECORD = unary.record("rsqrt", Rsqrt, check)
