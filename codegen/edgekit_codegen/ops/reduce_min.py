"""REDUCE_MIN: the smallest element over any dimensions of an int8 tensor."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import layout, reduction
from .attributes import ReduceMin
from .record import CValue, Kernel, OpRecord


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {**reduction.walk(graph, op), "flip": -1}


RECORD = OpRecord(
    kind="reduce_min",
    attrs=ReduceMin,
    activations=1,
    infer=reduction.infer,
    check=reduction.check_extreme,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=reduction.describe,
    kernel=Kernel("reduce_max.h", "ek_reduce_max_row", "ek_reduce_max_t", params),
    limits=("at most 5 dimensions", "input and output quantized alike"),
)
