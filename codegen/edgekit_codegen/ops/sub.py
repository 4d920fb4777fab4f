"""SUB: the difference of two int8 tensors; the kernel is that of ADD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Graph, Op
from . import add, binary, linear
from .attributes import Sub
from .record import CValue


def describe(graph: Graph, op: Op) -> str:
    return linear.activation_text(cast(Sub, op.attrs).activation).strip()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return add.sum_params(graph, op, -1, cast(Sub, op.attrs).activation)


RECORD = binary.record("sub", Sub, add.check, params, describe, header="add")
