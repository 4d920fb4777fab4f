"""What average and max pool share: a window over the rows and pixels of an image, each channel alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from ..reference.arithmetic import activation_range
from . import layout, linear, rules
from .attributes import Pool2D
from .record import CValue, Window

NO_DILATION = (1, 1)


def attrs(op: Op) -> Pool2D:
    return cast(Pool2D, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    a, image = attrs(op), graph.operand(op, 0).shape
    rows, pixels = rules.window_shape(graph, op, image, a.kernel, a.stride, NO_DILATION, a.padding)
    return ((image[0], rows, pixels, image[3]),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    a, x, out = attrs(op), graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_image(graph, op, x, out)
    layout.require_same_quant(graph, op, x, out)
    rules.require_clamp(graph, op, a.activation, out)
    if min(a.kernel) < 1:
        raise rules.illegal(graph, op, f"has a window of {a.kernel[0]}x{a.kernel[1]}")
    rules.require_window(graph, op, a.stride, NO_DILATION, a.padding)
    p = a.padding
    if max(p.top, p.bottom) >= a.kernel[0] or max(p.left, p.right) >= a.kernel[1]:
        raise rules.illegal(
            graph,
            op,
            f"padding {p} leaves windows of {a.kernel[0]}x{a.kernel[1]} without any element of the image",
            "pad by less than the window's size",
        )


def access(graph: Graph, op: Op) -> Window:
    a = attrs(op)
    return rules.window(graph, op, a.kernel[0], a.stride[0], 1, a.padding.top)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    a = attrs(op)
    return (rules.window_box(graph, op, box, (box.c0, box.c1), a.kernel, a.stride, NO_DILATION, a.padding),)


def describe(graph: Graph, op: Op) -> str:
    a = attrs(op)
    return linear.window_text(a.kernel, a.stride, NO_DILATION) + linear.activation_text(a.activation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x = attrs(op), graph.operand(op, 0)
    low, high = activation_range(a.activation, graph.result(op))
    return {
        "in_w": x.shape[2],
        "channels": x.shape[3],
        "kernel": a.kernel,
        "stride": a.stride[1],
        "pad": a.padding.left,
        "act_min": low,
        "act_max": high,
    }
