"""TANH, bit-exact: (1 - e) / (1 + e) of a fixed-point exponential."""

from __future__ import annotations

import numpy as np

from ..ir.types import Graph, Op
from .arithmetic import Int64Array, divide_by_power_of_two
from .convolution import Array
from .elementwise import SIGMOID_INTEGER_BITS
from .sigmoid import sigmoid
from .softmax import ONE, exponential, twice_reciprocal

OUTPUT_BITS = 7


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (values,) = operands
    assert values is not None
    return (sigmoid(values, graph.operand(op, 0), _tanh),)


def _tanh(x: Int64Array) -> Int64Array:
    """Of Q4.27, in steps of 1/128."""
    e = exponential(-np.abs(x), SIGMOID_INTEGER_BITS + 1)  # of -2 |x|
    size = np.minimum((twice_reciprocal(e) - (1 << 29)) << 2, ONE)
    return divide_by_power_of_two(np.where(x == 0, 0, np.sign(x) * size), 31 - OUTPUT_BITS)
