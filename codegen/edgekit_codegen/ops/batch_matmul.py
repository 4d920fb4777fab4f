"""BATCH_MATMUL: products of two int8 matrices, for every index of the leading dimensions, which broadcast.

In the (rows, pixels, channels) view a matrix is one row: row y of the output is the product of one row of each operand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from ..reference.arithmetic import convolution_factors, quantize_multiplier
from . import layout, rules
from .attributes import BatchMatmul
from .record import CValue, Kernel, OpRecord, RowMap, Rows

RANKS = range(2, 6)


def _attrs(op: Op) -> BatchMatmul:
    return cast(BatchMatmul, op.attrs)


def _matrices(graph: Graph, op: Op) -> tuple[tuple[int, int], tuple[int, int]]:
    """((rows, depth) of a, (depth, columns) of b), as multiplied."""
    a, b = graph.operand(op, 0).hwc[1:], graph.operand(op, 1).hwc[1:]
    return (a[1], a[0]) if _attrs(op).adj_x else a, (b[1], b[0]) if _attrs(op).adj_y else b


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    a, b = graph.operand(op, 0), graph.operand(op, 1)
    rank = max(len(a.shape), len(b.shape))
    leading = []
    for i, j in zip(_extended(a, rank), _extended(b, rank), strict=True):
        if i != j and 1 not in (i, j):
            raise rules.illegal(graph, op, f"{rules.show(a)} and {rules.show(b)} do not broadcast")
        leading.append(max(i, j))
    (rows, depth), (other, columns) = _matrices(graph, op)
    if depth != other:
        raise rules.illegal(graph, op, f"the matrices of {rules.show(a)} and {rules.show(b)} do not fit each other")
    return ((*leading, rows, columns),)


def _extended(tensor: Tensor, rank: int) -> Shape:
    """The leading dimensions under a rank."""
    return (*(1,) * (rank - len(tensor.shape)), *tensor.shape[:-2])


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=2)
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, a, b, out)
    for tensor in (a, b):
        if len(tensor.shape) not in RANKS:
            raise rules.illegal(graph, op, f"{rules.show(tensor)} has rank {len(tensor.shape)}, not 2 to 5")
    infer(graph, op)
    rules.require_scalable(graph, op, *convolution_factors(a, b, out, 1))


def access(graph: Graph, op: Op) -> Rows:
    return Rows(tuple(_rows(tensor, graph.result(op)) for tensor in (graph.operand(op, 0), graph.operand(op, 1))))


def _rows(tensor: Tensor, out: Tensor) -> RowMap | None:
    leading = _extended(tensor, len(out.shape))
    steps = layout.strides(leading)
    return layout.row_map(out.shape, tuple(0 if n == 1 else step for n, step in zip(leading, steps, strict=True)))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    """Rows of the output's matrices read rows of a (columns where it is transposed), columns read columns of b."""
    maps = access(graph, op).maps
    attrs, (a, b) = _attrs(op), (graph.operand(op, 0).hwc, graph.operand(op, 1).hwc)
    rows = [layout.mapped_rows(m, box.y0, box.y1) for m in maps]
    of_a = (0, a[1], box.x0, box.x1) if attrs.adj_x else (box.x0, box.x1, 0, a[2])
    of_b = (box.c0, box.c1, 0, b[2]) if attrs.adj_y else (0, b[1], box.c0, box.c1)
    return Box(*rows[0], *of_a), Box(*rows[1], *of_b)


def macs(graph: Graph, op: Op) -> int:
    return graph.result(op).elements * _matrices(graph, op)[0][1]


def describe(graph: Graph, op: Op) -> str:
    transposed = [name for name, adjoint in (("a", _attrs(op).adj_x), ("b", _attrs(op).adj_y)) if adjoint]
    return f"transposed {' and '.join(transposed)}" if transposed else ""


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, b, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    (rows, depth), (_, columns) = _matrices(graph, op)
    multiplier, shift = quantize_multiplier(*convolution_factors(a, b, out, 1))
    return {
        "depth": depth,
        "columns": columns,
        "a_step": (1, rows) if _attrs(op).adj_x else (depth, 1),
        "b_step": (1, depth) if _attrs(op).adj_y else (columns, 1),
        "in_zero": (a.zero_point, b.zero_point),
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": out.zero_point,
    }


RECORD = OpRecord(
    kind="batch_matmul",
    attrs=BatchMatmul,
    activations=2,
    constants=True,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    macs=macs,
    describe=describe,
    kernel=Kernel("batch_matmul.h", "ek_batch_matmul_row", "ek_batch_matmul_t", params),
)
