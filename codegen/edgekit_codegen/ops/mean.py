"""MEAN: the average over any dimensions of an int8 tensor, with the change of scale in the same step."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..reference.scaling import mean_multiplier
from . import layout, reduction
from .attributes import Mean
from .record import CValue, Kernel, OpRecord


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out, count = graph.operand(op, 0), graph.result(op), reduction.count(graph, op)
    return reduction.sum_params(graph, op, mean_multiplier(x, out, count))


RECORD = OpRecord(
    kind="mean",
    attrs=Mean,
    activations=1,
    infer=reduction.infer,
    check=reduction.check_sum,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=reduction.describe,
    sums=reduction.sums,
    kernel=Kernel("reduce_sum.h", "ek_reduce_sum_row", "ek_reduce_sum_t", params, adding="ek_reduce_sum_add_row"),
    limits=("at most 5 dimensions", "at most 2^23 elements averaged into one", "scale ratio below 2^30"),
)
