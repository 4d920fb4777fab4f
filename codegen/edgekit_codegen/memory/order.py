"""The order that kernels declare: which rows are read for which output row. Checkers read it here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..ir.region import Box
from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..ops.record import Rows, Window


def rows_read(graph: Graph, op: Op, row: Box) -> Iterator[tuple[TensorId, Box]]:
    """The rows that the kernel gets pointers to when it computes (pixels of) one output row, with the pixels that it
    reads there; clipped, so that what is true padding is empty."""
    record = TABLE[op.kind]
    access = record.access(graph, op)
    boxes = record.input_boxes(graph, op, row)
    for position, (source, area) in enumerate(zip(record.operands(graph, op), boxes, strict=True)):
        if source.is_constant:
            continue
        numbers: Sequence[int] = range(area.y0, area.y1)
        if isinstance(access, Window):
            numbers = _window(access, row.y0)
        elif isinstance(access, Rows):
            numbers = [access.row(position, row.y0)]
        for y in numbers:
            yield source.id, Box(y, y + 1, area.x0, area.x1, area.c0, area.c1).clip(source.hwc)


def _window(access: Window, y: int) -> list[int]:
    """The rows of a window that lie within the image of output row y."""
    if access.images is None:
        top, rows, local = 0, None, y
    else:
        _, rows, out_rows = access.images
        top, local = y // out_rows * rows, y % out_rows
    return [top + n for n in access.rows(local) if rows is None or 0 <= n < rows]


def row_box(graph: Graph, ident: TensorId, row: int) -> Box:
    """One whole row of a tensor; empty where the tensor has no such row."""
    _, pixels, channels = graph.tensors[ident].hwc
    return Box(row, row + 1, 0, pixels, 0, channels).clip(graph.tensors[ident].hwc)
