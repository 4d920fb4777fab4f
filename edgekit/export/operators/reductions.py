"""What makes one element out of whole dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite
from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import ArgMax, ArgMin, Reduction

from .record import OperatorCode, attrs, vector


def _reducer(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"KeepDims": attrs(op, Reduction).keep_dims}


def _axes(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"axes": vector(attrs(op, Reduction).axes)}


def _index_type(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"OutputType": tflite.TensorType.INT32}


def _axis(kind: type[ArgMax] | type[ArgMin]) -> Any:
    return lambda graph, op: {"axis": vector([attrs(op, kind).axis])}


def _reduction(builtin: int, version: int) -> OperatorCode:
    return OperatorCode(builtin, version, "ReducerOptions", _reducer, _axes)


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "mean": _reduction(BuiltinOperator.MEAN, 2),
        "sum": _reduction(BuiltinOperator.SUM, 2),
        "reduce_max": _reduction(BuiltinOperator.REDUCE_MAX, 2),
        "reduce_min": _reduction(BuiltinOperator.REDUCE_MIN, 2),
        "arg_max": OperatorCode(BuiltinOperator.ARG_MAX, 2, "ArgMaxOptions", _index_type, _axis(ArgMax)),
        "arg_min": OperatorCode(BuiltinOperator.ARG_MIN, 2, "ArgMinOptions", _index_type, _axis(ArgMin)),
    }
)
