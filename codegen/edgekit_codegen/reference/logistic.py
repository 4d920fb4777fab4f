"""LOGISTIC, bit-exact: a fixed-point exponential and reciprocal."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import Int64Array, divide_by_power_of_two
from .convolution import Array
from .elementwise import SIGMOID_INTEGER_BITS
from .sigmoid import sigmoid
from .softmax import ONE, exponential, reciprocal

HALF = 1 << 30  # in Q0.31
OUTPUT_BITS = 8


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (sigmoid(values, graph.operand(op, 0), _logistic),)


def _logistic(x: Int64Array) -> Int64Array:
    """Of Q4.27, in steps of 1/256 above -128."""
    positive = reciprocal(exponential(-np.abs(x), SIGMOID_INTEGER_BITS))
    result = np.where(x > 0, positive, np.where(x < 0, ONE - positive, HALF))
    return divide_by_power_of_two(result, 31 - OUTPUT_BITS) - 128
