"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import (
    BatchMatmul,
    FullyConnected,
    Softmax,
)

from .record import OperatorCode, activation, attrs


def _fully_connected(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, FullyConnected)
    return {"KeepNumDims": a.keep_dims, **activation(a.activation)}


def _softmax(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Beta": attrs(op, Softmax).beta}


def _batch_matmul(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, BatchMatmul)
    return {"AdjX": a.adj_x, "AdjY": a.adj_y}


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "fully_connected": OperatorCode(BuiltinOperator.FULLY_CONNECTED, 4, "FullyConnectedOptions", _fully_connected),
        "batch_matmul": OperatorCode(BuiltinOperator.BATCH_MATMUL, 2, "BatchMatMulOptions", _batch_matmul),
        "log_softmax": OperatorCode(BuiltinOperator.LOG_SOFTMAX, 2, "LogSoftmaxOptions"),
        "softmax": OperatorCode(BuiltinOperator.SOFTMAX, 2, "SoftmaxOptions", _softmax),
    }
)
