"""What makes one element out of whole dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import (
    Mean,
)

from .record import OperatorCode, attrs, vector


def _mean(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"KeepDims": attrs(op, Mean).keep_dims}


def _mean_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"axes": vector(attrs(op, Mean).axes)}


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "mean": OperatorCode(BuiltinOperator.MEAN, 2, "ReducerOptions", _mean, _mean_extra),
    }
)
