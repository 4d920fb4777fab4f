"""What operators share that move data or keep its quantization: strides, equal scales, rows of equal shape."""

from __future__ import annotations

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from . import rules
from .record import SameRow, Whole

SCALE_TOLERANCE = 1e-6  # absolute, as TensorFlow Lite Micro compares the scales of a pool


def strides(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours along each dimension of a contiguous tensor."""
    result = [1] * len(shape)
    for i in reversed(range(len(shape) - 1)):
        result[i] = result[i + 1] * shape[i + 1]
    return tuple(result)


def last_three(values: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    """The (rows, pixels, channels) entries of one value per dimension; `fill` where the rank is below 3."""
    padded = (fill, fill, fill, *values)
    return padded[-3], padded[-2], padded[-1]


def require_same_quant(graph: Graph, op: Op, x: Tensor, out: Tensor) -> None:
    """Elements keep their stored value, so both ends need one scale and zero point."""
    if abs(x.scale - out.scale) > SCALE_TOLERANCE or x.zero_point != out.zero_point:
        raise rules.unsupported(
            graph,
            op,
            f"{rules.show(x)} has scale {x.scale:.6g} and zero point {x.zero_point},"
            f" {rules.show(out)} has {out.scale:.6g} and {out.zero_point}",
            f"quantize the input and the output of {op.kind} alike, or put a QUANTIZE between them",
        )


def same_shape(graph: Graph, op: Op) -> tuple[Shape, ...]:
    """The rule of element-wise operators."""
    return (graph.operand(op, 0).shape,)


def same_row(graph: Graph, op: Op) -> SameRow:
    return SameRow()


def same_box(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    return (box,)


def whole(graph: Graph, op: Op) -> Whole:
    return Whole()


def whole_box(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    return (Box.of(graph.operand(op, 0).hwc),)
