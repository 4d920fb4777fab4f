"""RESIZE_BILINEAR: every output element lies between two rows and two pixels of the input, in steps of 1/1024."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.region import Box
from ..ir.types import Graph, Op
from ..reference.resizing import FRACTION_BITS, bilinear_begin, bilinear_step
from . import resize, rules
from .attributes import Resize
from .record import CValue, Kernel, OpRecord, Window

ONE = 1 << FRACTION_BITS


def check(graph: Graph, op: Op) -> None:
    resize.check(graph, op)
    a, x = resize.attrs(op), graph.operand(op, 0)
    if a.align_corners and a.half_pixel:
        raise rules.illegal(graph, op, "aligns corners and counts from the pixels' centres at once")
    for i, what in enumerate(("rows", "pixels")):
        size, out_size = x.shape[1 + i], a.size[i]
        if _window(graph, op, i).rows(out_size - 1)[0] >= size:
            raise rules.unsupported(
                graph,
                op,
                f"in steps of 1/{ONE} {out_size} {what} reach beyond the {size} of {rules.show(x)}",
                "resize in two steps, or by a whole factor",
            )


def _window(graph: Graph, op: Op, i: int) -> Window:
    """What output rows (i = 0) or pixels (i = 1) lie between."""
    a = resize.attrs(op)
    step = bilinear_step(graph.operand(op, 0).shape[1 + i], a.size[i], a.align_corners)
    return Window(2, step, 1, -bilinear_begin(step, a.half_pixel), rules.images(graph, op) if i == 0 else None, ONE)


def access(graph: Graph, op: Op) -> Window:
    return _window(graph, op, 0)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    """The nearest row or pixel stands for one outside the image."""
    rows = rules.rows_of(_window(graph, op, 0), box.y0, box.y1)
    pixels = rules.rows_of(_window(graph, op, 1), box.x0, box.x1)
    return (Box(*rows, *pixels, box.c0, box.c1),)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, windows = graph.operand(op, 0), [_window(graph, op, i) for i in (0, 1)]
    return {
        "in_w": x.shape[2],
        "channels": x.shape[3],
        "step": (windows[0].stride, windows[1].stride),
        "begin": (-windows[0].pad, -windows[1].pad),
    }


RECORD = OpRecord(
    kind="resize_bilinear",
    attrs=Resize,
    activations=1,
    infer=resize.infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=resize.describe,
    kernel=Kernel("resize_bilinear.h", "ek_resize_bilinear_row", "ek_resize_bilinear_t", params),
)
