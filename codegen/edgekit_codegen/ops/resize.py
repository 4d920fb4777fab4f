"""What resizing shares: images of any number, to another number of rows and pixels."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op, Shape
from . import layout, rules
from .attributes import Resize

MAX_SIZE = 4096  # rows or pixels, of either end


def attrs(op: Op) -> Resize:
    return cast(Resize, op.attrs)


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    images, _, _, channels = graph.operand(op, 0).shape
    return ((images, *attrs(op).size, channels),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_image(graph, op, x, out)
    layout.require_same_quant(graph, op, x, out)
    if not all(1 <= n <= MAX_SIZE for n in (*attrs(op).size, *x.shape[1:3])):
        raise rules.illegal(graph, op, f"resizes {rules.show(x)} to {attrs(op).size}; 1 to {MAX_SIZE} is possible")


def describe(graph: Graph, op: Op) -> str:
    words = [name for name, on in (("corners", attrs(op).align_corners), ("centres", attrs(op).half_pixel)) if on]
    return " and ".join(words) and f"by {' and '.join(words)}"
