"""What computes every element alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tflite import BuiltinOperator

from edgekit_codegen.ir import Activation, Graph, Op
from edgekit_codegen.ops.attributes import Add, Gelu, LeakyRelu, Mul, Sub

from .record import OperatorCode, activation, attrs


def _add(graph: Graph, op: Op) -> Mapping[str, Any]:
    return activation(attrs(op, Add).activation)


def _sub(graph: Graph, op: Op) -> Mapping[str, Any]:
    return activation(attrs(op, Sub).activation)


def _mul(graph: Graph, op: Op) -> Mapping[str, Any]:
    return activation(attrs(op, Mul).activation)


def _leaky_relu(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Alpha": attrs(op, LeakyRelu).alpha}


def _gelu(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Approximate": attrs(op, Gelu).approximate}


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "add": OperatorCode(BuiltinOperator.ADD, 2, "AddOptions", _add),
        "sub": OperatorCode(BuiltinOperator.SUB, 2, "SubOptions", _sub),
        "mul": OperatorCode(BuiltinOperator.MUL, 2, "MulOptions", _mul),
        "maximum": OperatorCode(BuiltinOperator.MAXIMUM, 2, "MaximumMinimumOptions"),
        "minimum": OperatorCode(BuiltinOperator.MINIMUM, 2, "MaximumMinimumOptions"),
        "squared_difference": OperatorCode(BuiltinOperator.SQUARED_DIFFERENCE, 2, "SquaredDifferenceOptions"),
        "prelu": OperatorCode(BuiltinOperator.PRELU, 1),
        "quantize": OperatorCode(BuiltinOperator.QUANTIZE, 2, "QuantizeOptions"),
        "dequantize": OperatorCode(BuiltinOperator.DEQUANTIZE, 2, "DequantizeOptions"),
        "leaky_relu": OperatorCode(BuiltinOperator.LEAKY_RELU, 2, "LeakyReluOptions", _leaky_relu),
        "elu": OperatorCode(BuiltinOperator.ELU, 1),
        "gelu": OperatorCode(BuiltinOperator.GELU, 1, "GeluOptions", _gelu),
        "hard_swish": OperatorCode(BuiltinOperator.HARD_SWISH, 1, "HardSwishOptions"),
        "logistic": OperatorCode(BuiltinOperator.LOGISTIC, 2),
        "tanh": OperatorCode(BuiltinOperator.TANH, 2),
        "abs": OperatorCode(BuiltinOperator.ABS, 2, "AbsOptions"),
        "rsqrt": OperatorCode(BuiltinOperator.RSQRT, 2),
    }
)

RELUS: Mapping[Activation, OperatorCode] = MappingProxyType(
    {
        Activation.RELU: OperatorCode(BuiltinOperator.RELU, 2),
        Activation.RELU6: OperatorCode(BuiltinOperator.RELU6, 2),
        Activation.RELU_N1_TO_1: OperatorCode(BuiltinOperator.RELU_N1_TO_1, 1),
    }
)
