"""The contract of every operator in NumPy, bit-exact to TensorFlow Lite Micro, and an executor over it.

Each operator kind has one module here, named after it, with
`run(graph, op, operands) -> results`, arrays by position, None for an absent optional input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op, TensorId

Array = npt.NDArray[Any]


class Function(Protocol):
    """The reference function of one operator kind."""

    def __call__(self, graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]: ...


@cache
def function(kind: str) -> Function:
    """The reference function of an operator kind. Raises ModuleNotFoundError where there is none.

    Imported on first use: operator records use this package's arithmetic, and these modules use the records' types.
    """
    run: Function = import_module(f".{kind}", __package__).run
    return run


def execute(graph: Graph, inputs: Sequence[Array]) -> Mapping[TensorId, Array]:
    """Every tensor's value, given the graph inputs in order. Raises ValueError for a wrong shape or type."""
    if len(inputs) != len(graph.inputs):
        raise ValueError(f"{graph.name} has {len(graph.inputs)} inputs, got {len(inputs)}")
    values: dict[TensorId, Array] = {t.id: t.data for t in graph.tensors.values() if t.data is not None}
    for ident, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[ident]
        if array.shape != tensor.shape or array.dtype != tensor.dtype.numpy:
            raise ValueError(
                f"input {tensor.name} is {tensor.dtype.value}{list(tensor.shape)}, got {array.dtype}{list(array.shape)}"
            )
        values[ident] = np.ascontiguousarray(array)
    for op in graph.ops:
        operands = tuple(None if i is None else values[i] for i in op.inputs)
        results = function(op.kind)(graph, op, operands)
        values.update(zip(op.outputs, results, strict=True))
    return values


def run(graph: Graph, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The graph outputs in order. Raises ValueError for a wrong shape or type of an input."""
    values = execute(graph, inputs)
    return tuple(values[i] for i in graph.outputs)
