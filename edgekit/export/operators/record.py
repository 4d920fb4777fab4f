"""What a row is, and what rows share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tflite

from edgekit_codegen.ir import Activation, Attrs, Graph, Op

A = TypeVar("A", bound=Attrs)

_ACTIVATIONS: Mapping[Activation, int] = {
    Activation.NONE: tflite.ActivationFunctionType.NONE,
    Activation.RELU: tflite.ActivationFunctionType.RELU,
    Activation.RELU6: tflite.ActivationFunctionType.RELU6,
    Activation.RELU_N1_TO_1: tflite.ActivationFunctionType.RELU_N1_TO_1,
}


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """How one operator is written: opcode and version, options table and its fields, parameters as constant inputs.

    options  name of the options table, or None
    fields   (graph, op) -> {option field: value}; a tuple of numbers becomes an int32 vector
    extra    (graph, op) -> constants appended to the operator's inputs, by name: int32, or int8 as the output is
             quantized
    arrange  the operator's inputs, followed by those constants, in the file's order
    """

    builtin: int
    version: int
    options: str | None = None
    fields: Callable[[Graph, Op], Mapping[str, Any]] = lambda graph, op: {}
    extra: Callable[[Graph, Op], Mapping[str, npt.NDArray[Any]]] = lambda graph, op: {}
    arrange: Callable[[list[int]], list[int]] = lambda inputs: inputs


def activation(activation: Activation) -> Mapping[str, Any]:
    return {"FusedActivationFunction": _ACTIVATIONS[activation]}


def attrs(op: Op, kind: type[A]) -> A:
    if not isinstance(op.attrs, kind):
        raise TypeError(f"{op.kind} has {type(op.attrs).__name__}, not {kind.__name__}")
    return op.attrs


def vector(values: Iterable[Any]) -> npt.NDArray[np.int32]:
    return np.array(list(values), dtype=np.int32)
