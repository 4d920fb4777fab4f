"""AVERAGE_POOL_2D: the mean of a window, of the elements inside the image only."""

from __future__ import annotations

from ..ir.types import Graph, Op
from . import pooling, rules
from .attributes import Pool2D
from .record import Kernel, OpRecord

MAX_ELEMENTS = 1 << 23  # of one window: their sum and its rounding fit int32


def check(graph: Graph, op: Op) -> None:
    pooling.check(graph, op)
    (rows, pixels), image = pooling.attrs(op).kernel, graph.operand(op, 0).shape
    if min(rows, image[1]) * min(pixels, image[2]) > MAX_ELEMENTS:
        raise rules.unsupported(
            graph,
            op,
            f"a window of {rows}x{pixels} over {rules.show(graph.operand(op, 0))} holds more than {MAX_ELEMENTS}"
            " elements",
            "pool in two steps",
        )


def sums(graph: Graph, op: Op) -> int:
    """One int32 per channel, where one window is the image."""
    a, (images, *image, channels) = pooling.attrs(op), graph.operand(op, 0).shape
    padded = any((a.padding.top, a.padding.bottom, a.padding.left, a.padding.right))
    return 4 * channels if images == 1 and list(a.kernel) == image and not padded else 0


RECORD = OpRecord(
    kind="average_pool2d",
    attrs=Pool2D,
    activations=1,
    infer=pooling.infer,
    check=check,
    access=pooling.access,
    input_boxes=pooling.input_boxes,
    describe=pooling.describe,
    sums=sums,
    kernel=Kernel(
        "average_pool2d.h",
        "ek_average_pool2d_row",
        "ek_average_pool2d_t",
        pooling.params,
        adding="ek_average_pool2d_add_row",
    ),
)
