"""GELU: x times the probability that a standard normal variable is below x."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from . import elu, unary
from .attributes import Gelu
from .record import Oracle


def describe(graph: Graph, op: Op) -> str:
    return "approximate" if cast(Gelu, op.attrs).approximate else ""


RECORD = unary.record("gelu", Gelu, elu.check, describe, oracle=Oracle.LITERT)
