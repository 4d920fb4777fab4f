"""RESIZE_NEAREST_NEIGHBOR: every output element is one of the input's.

Which one is a product of single-precision numbers whose rounding no integer step follows, so rows and pixels are read
by tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op
from ..reference.arithmetic import Int64Array
from ..reference.resizing import nearest
from . import layout, resize
from .attributes import Resize
from .record import CValue, Kernel, OpRecord, Rows, RowTable


def _sources(graph: Graph, op: Op, i: int) -> Int64Array:
    """The input's row (i = 0) or pixel (i = 1) of each of an image's output rows or pixels."""
    a = resize.attrs(op)
    return nearest(graph.operand(op, 0).shape[1 + i], a.size[i], a.align_corners, a.half_pixel)


def access(graph: Graph, op: Op) -> Rows:
    images, height, _, _ = graph.operand(op, 0).shape
    tops = np.arange(images) * height
    return Rows((RowTable(tuple((tops[:, None] + _sources(graph, op, 0)).reshape(-1).tolist())),))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    pixels = _sources(graph, op, 1)[box.x0 : box.x1].tolist()
    rows = layout.mapped_rows(access(graph, op).maps[0], box.y0, box.y1)
    return (Box(*rows, min(pixels), max(pixels) + 1, box.c0, box.c1),)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {"channels": graph.operand(op, 0).shape[3]}


def pixels(graph: Graph, op: Op) -> npt.NDArray[Any]:
    return _sources(graph, op, 1).astype(np.int16)


RECORD = OpRecord(
    kind="resize_nearest_neighbor",
    attrs=Resize,
    activations=1,
    infer=resize.infer,
    check=resize.check,
    access=access,
    input_boxes=input_boxes,
    describe=resize.describe,
    kernel=Kernel(
        "resize_nearest_neighbor.h",
        "ek_resize_nearest_neighbor_row",
        "ek_resize_nearest_neighbor_t",
        params,
        pixels,
    ),
)
