"""ARG_MAX: the index of the largest element along one dimension of an int8 tensor, of the first among equals."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import layout, reduction
from .attributes import ArgMax
from .record import CValue, Kernel, OpRecord


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return reduction.arg_params(graph, op, flip=0)


RECORD = OpRecord(
    kind="arg_max",
    attrs=ArgMax,
    activations=1,
    infer=reduction.infer,
    check=reduction.check_arg,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=reduction.describe,
    kernel=Kernel("arg_max.h", "ek_arg_max_row", "ek_arg_max_t", params),
    types=("int8 to int32",),
    limits=("at most 5 dimensions", "index of 32 bits"),
)
