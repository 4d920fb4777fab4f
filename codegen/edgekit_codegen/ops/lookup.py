"""LOOKUP: a table of 256 bytes, in place of element-wise operators in a row."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from . import rules, unary
from .attributes import Lookup
from .record import Oracle


def check(graph: Graph, op: Op) -> None:
    size = len(cast(Lookup, op.attrs).table)
    if size != unary.VALUES:
        raise rules.illegal(graph, op, f"has a table of {size} bytes, not {unary.VALUES}")


RECORD = unary.record("lookup", Lookup, check, oracle=Oracle.DEFINITION)
