"""What moves elements without changing them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import (
    Pad,
    Transpose,
)

from .record import OperatorCode, attrs, vector


def _pad_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"amounts": vector(attrs(op, Pad).amounts)}


def _transpose_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"permutation": vector(attrs(op, Transpose).permutation)}


def _reshape(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"NewShape": tuple(graph.result(op).shape)}


def _reshape_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"shape": vector(graph.result(op).shape)}


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "pad": OperatorCode(BuiltinOperator.PAD, 2, "PadOptions", extra=_pad_extra),
        "reshape": OperatorCode(BuiltinOperator.RESHAPE, 1, "ReshapeOptions", _reshape, _reshape_extra),
        "transpose": OperatorCode(BuiltinOperator.TRANSPOSE, 2, "TransposeOptions", extra=_transpose_extra),
    }
)
