"""GATHER: chosen pixels of the rows of an int8 tensor; the indices are constant or computed.

A frontend brings any axis into this form by views: dimensions before the axis are rows, those behind it channels.
TensorFlow Lite Micro reads whatever lies at an index outside the tensor; here such an index is clamped.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.region import Box
from ..ir.types import DType, Graph, Op, Shape
from . import binary, layout, rules
from .attributes import Gather
from .record import CValue, Kernel, OpRecord, RowMap, Rows


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    (batch, outer, _, inner), indices = graph.operand(op, 0).shape, graph.operand(op, 1).shape
    return ((batch, outer, 1, indices[2], inner),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=2)
    x, indices, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_image(graph, op, x)
    layout.require_same_quant(graph, op, x, out)
    if indices.dtype is not DType.INT32:
        raise rules.unsupported(graph, op, f"indices {rules.show(indices)} are not int32", "cast the indices to int32")
    if len(indices.shape) != 3 or indices.shape[:2] != (x.shape[0], 1):
        raise rules.illegal(graph, op, f"indices {rules.show(indices)} do not fit {rules.show(x)}")
    if indices.data is not None and not (indices.data.min() >= 0 and indices.data.max() < x.shape[2]):
        raise rules.illegal(
            graph,
            op,
            f"indices {int(indices.data.min())} to {int(indices.data.max())} of {x.shape[2]} elements",
        )


def _rows(graph: Graph, op: Op) -> RowMap | None:
    """Which row of the indices."""
    batch, outer = graph.operand(op, 0).shape[:2]
    return layout.row_map((batch, outer, 1, 1), (1, 0, 0, 0))


def access(graph: Graph, op: Op) -> Rows:
    return Rows((None, _rows(graph, op)))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    rows = layout.mapped_rows(_rows(graph, op), box.y0, box.y1)
    pixels = graph.operand(op, 0).shape[2]
    return Box(box.y0, box.y1, 0, pixels, box.c0, box.c1), Box(*rows, 0, 1, box.x0, box.x1)


def describe(graph: Graph, op: Op) -> str:
    indices = graph.operand(op, 1)
    count, size = indices.shape[2], graph.operand(op, 0).shape[2]
    return f"{count} of {size}" + ("" if indices.is_constant else ", computed")


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    _, pixels, channels = graph.operand(op, 0).hwc
    return {"in_w": pixels, "channels": channels}


RECORD = OpRecord(
    kind="gather",
    attrs=Gather,
    activations=2,
    constants=True,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=describe,
    kernel=Kernel("gather.h", "ek_gather_row", "ek_gather_t", params),
    limits=(binary.ALIKE, "indices of 32 bits"),
)
