"""What operators share that move data or keep its quantization: strides, equal scales, rows of equal shape."""

from __future__ import annotations

from ..errors import UnsupportedModel
from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from . import rules
from .record import RowMap, Rows, RowTable, Whole

SCALE_TOLERANCE = 1e-6  # absolute, as TensorFlow Lite Micro compares the scales of a pool


def strides(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours along each dimension of a contiguous tensor."""
    result = [1] * len(shape)
    for i in reversed(range(len(shape) - 1)):
        result[i] = result[i + 1] * shape[i + 1]
    return tuple(result)


def row_map(shape: Shape, strides: tuple[int, ...], first: int = 0) -> RowMap | None:
    """Where row y of an output of that shape reads: its leading dimensions' indices times `strides`, in rows.

    strides  rows of the operand per step along each dimension but the last two; 0 repeats (broadcasting)
    """
    sizes = shape[:-2]
    terms, divisor = [], 1
    for size, stride in zip(reversed(sizes), reversed(strides[: len(sizes)]), strict=True):
        if size > 1:
            terms.append((divisor, size, stride))
        divisor *= size
    merged = _merge(terms)
    if first == 0 and (not merged if divisor == 1 else merged == [(1, divisor, 1)]):
        return None
    return RowMap(tuple(t for t in merged if t[2]), first)


def _merge(terms: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Neighbouring dimensions that lie one after the other, as one."""
    merged: list[tuple[int, int, int]] = []
    for divisor, size, stride in terms:
        if merged and merged[-1][2] * merged[-1][1] == stride:
            inner = merged.pop()
            divisor, size, stride = inner[0], inner[1] * size, inner[2]
        merged.append((divisor, size, stride))
    return merged


def mapped_rows(rows: RowMap | RowTable | None, y0: int, y1: int) -> tuple[int, int]:
    """The half-open range of an operand's rows that rows y0 .. y1-1 of the output read."""
    if rows is None:
        return y0, y1
    read = [rows.at(y) for y in range(y0, y1)]
    return min(read), max(read) + 1


def last_three(values: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    """The (rows, pixels, channels) entries of one value per dimension; `fill` where the rank is below 3."""
    padded = (fill, fill, fill, *values)
    return padded[-3], padded[-2], padded[-1]


def leading(values: tuple[int, ...], fill: int) -> tuple[int, int, int, int]:
    """The entries of the dimensions before the last two, the innermost first; `fill` behind them, up to four."""
    first, second, third, fourth, *_ = (*reversed(values[:-2]), fill, fill, fill, fill)
    return first, second, third, fourth


def require_rank(graph: Graph, op: Op, tensor: Tensor, most: int) -> None:
    """At most that many dimensions."""
    if len(tensor.shape) > most:
        raise rules.unsupported(
            graph, op, f"{rules.show(tensor)} has more than {most} dimensions", "merge neighbouring dimensions"
        )


def require_same_quant(graph: Graph, op: Op, x: Tensor, out: Tensor) -> None:
    """Elements keep their stored value, so both ends need one scale and zero point."""
    if abs(x.scale - out.scale) > SCALE_TOLERANCE or x.zero_point != out.zero_point:
        raise differently_quantized(graph, op, x, out)


def differently_quantized(graph: Graph, op: Op, x: Tensor, out: Tensor) -> UnsupportedModel:
    """The error for an operator that keeps stored values between tensors that read them differently."""
    return rules.unsupported(
        graph,
        op,
        f"{rules.show(x)} has scale {x.scale:.6g} and zero point {x.zero_point},"
        f" {rules.show(out)} has {out.scale:.6g} and {out.zero_point}",
        f"quantize the input and the output of {op.kind} alike, or put a QUANTIZE between them",
    )


def same_shape(graph: Graph, op: Op) -> tuple[Shape, ...]:
    """The rule of element-wise operators."""
    return (graph.operand(op, 0).shape,)


def same_row(graph: Graph, op: Op) -> Rows:
    return Rows()


def same_box(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    return (box,)


def whole(graph: Graph, op: Op) -> Whole:
    return Whole()


def whole_box(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    return (Box.of(graph.operand(op, 0).hwc),)
