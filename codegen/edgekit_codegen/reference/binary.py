"""What operators of two int8 tensors share."""

from __future__ import annotations

from ..ir.types import Graph, Op, Tensor
from .arithmetic import Int64Array, quantize_multiplier, requantize
from .convolution import Array

Factors = tuple[float, float, float]


def pair(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[tuple[Array, Tensor], tuple[Array, Tensor]]:
    """Either operand with its tensor."""
    a, b = operands
    assert a is not None and b is not None
    return (a, graph.operand(op, 0)), (b, graph.operand(op, 1))


def centred(operand: tuple[Array, Tensor]) -> Int64Array:
    """The stored values less the zero point."""
    values, tensor = operand
    result: Int64Array = values.astype("int64") - tensor.zero_point
    return result


def scaled(operand: tuple[Array, Tensor], left_shift: int, factor: float) -> Int64Array:
    """An input of a sum in the sum's steps."""
    return requantize(centred(operand) << left_shift, *quantize_multiplier(factor))
