"""What computes every element alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tflite import BuiltinOperator

from edgekit_codegen.ir import Activation, Graph, Op
from edgekit_codegen.ops.attributes import (
    Add,
)

from .record import OperatorCode, activation, attrs


def _add(graph: Graph, op: Op) -> Mapping[str, Any]:
    return activation(attrs(op, Add).activation)


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "add": OperatorCode(BuiltinOperator.ADD, 2, "AddOptions", _add),
        "quantize": OperatorCode(BuiltinOperator.QUANTIZE, 2, "QuantizeOptions"),
        "dequantize": OperatorCode(BuiltinOperator.DEQUANTIZE, 2, "DequantizeOptions"),
    }
)

RELUS: Mapping[Activation, OperatorCode] = MappingProxyType(
    {
        Activation.RELU: OperatorCode(BuiltinOperator.RELU, 2),
        Activation.RELU6: OperatorCode(BuiltinOperator.RELU6, 2),
        Activation.RELU_N1_TO_1: OperatorCode(BuiltinOperator.RELU_N1_TO_1, 1),
    }
)
