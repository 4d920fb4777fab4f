"""The order that kernels declare: which rows are read for which output row. Checkers read it here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..ir.region import Box
from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..ops.record import Rows, Window


def rows_read(graph: Graph, op: Op, row: Box) -> Iterator[tuple[TensorId, Box]]:
    """The rows that the kernel gets pointers to when it computes (pixels of) one output row, with the pixels that it
    reads there; rows that follow each other are one box. Clipped, so that what is true padding is empty."""
    record = TABLE[op.kind]
    access = record.access(graph, op)
    boxes = record.input_boxes(graph, op, row)
    for position, (source, area) in enumerate(zip(record.operands(graph, op), boxes, strict=True)):
        if source.is_constant:
            continue
        runs: Iterable[tuple[int, int]] = ((area.y0, area.y1),)
        if isinstance(access, Window):
            runs = _runs(_window(access, row.y0))
        elif isinstance(access, Rows):
            runs = _runs([access.row(position, row.y0)])
        for y0, y1 in runs:
            yield source.id, Box(y0, y1, area.x0, area.x1, area.c0, area.c1).clip(source.hwc)


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where numbers that follow each other begin and end."""
    begin = 0
    for n in range(1, len(rows) + 1):
        if n == len(rows) or rows[n] != rows[n - 1] + 1:
            yield rows[begin], rows[n - 1] + 1
            begin = n


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
