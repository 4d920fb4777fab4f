"""REDUCE_MAX: the largest element over any dimensions of an int8 tensor."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import layout, reduction
from .attributes import ReduceMax
from .record import CValue, Kernel, OpRecord


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {**reduction.walk(graph, op), "flip": 0}


RECORD = OpRecord(
    kind="reduce_max",
    attrs=ReduceMax,
    activations=1,
    infer=reduction.infer,
    check=reduction.check_extreme,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=reduction.describe,
    kernel=Kernel("reduce_max.h", "ek_reduce_max_row", "ek_reduce_max_t", params),
    limits=("at most 5 dimensions", "input and output quantized alike"),
)
