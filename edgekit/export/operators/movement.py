"""What moves elements without changing them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from tflite import BuiltinOperator

from edgekit_codegen.ir import Activation, Graph, Op
from edgekit_codegen.ops.attributes import Concatenation, MirrorPad, Pad, StridedSlice, Tile, Transpose

from .record import OperatorCode, activation, attrs, vector

Constants = Mapping[str, npt.NDArray[Any]]
_REFLECT, _SYMMETRIC = 0, 1  # schema enum MirrorPadMode


def _pad_extra(graph: Graph, op: Op) -> Constants:
    a = attrs(op, Pad)
    value = {} if a.value is None else {"value": np.array([a.value], np.int8)}
    return {"amounts": vector(a.amounts), **value}


def _mirror_pad_extra(graph: Graph, op: Op) -> Constants:
    return {"amounts": vector(attrs(op, MirrorPad).amounts)}


def _mirror_pad(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Mode": _SYMMETRIC if attrs(op, MirrorPad).symmetric else _REFLECT}


def _concatenation(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Axis": attrs(op, Concatenation).axis, **activation(Activation.NONE)}


def _slice_extra(graph: Graph, op: Op) -> Constants:
    a = attrs(op, StridedSlice)
    return {"begin": vector(a.begin), "size": vector(a.size)}


def _ends(a: StridedSlice) -> list[int]:
    """Where each dimension's part ends, which is excluded; below 0 where it runs down to the first element."""
    return [begin + size * step for begin, size, step in zip(a.begin, a.size, a.step, strict=True)]


def _strided_slice(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"EndMask": sum(1 << i for i, end in enumerate(_ends(attrs(op, StridedSlice))) if end < 0)}


def _strided_slice_extra(graph: Graph, op: Op) -> Constants:
    a = attrs(op, StridedSlice)
    return {"begin": vector(a.begin), "end": vector(_ends(a)), "strides": vector(a.step)}


def _transpose_extra(graph: Graph, op: Op) -> Constants:
    return {"permutation": vector(attrs(op, Transpose).permutation)}


def _reshape(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"NewShape": tuple(graph.result(op).shape)}


def _reshape_extra(graph: Graph, op: Op) -> Constants:
    return {"shape": vector(graph.result(op).shape)}


def _gather(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Axis": 2, "BatchDims": 1}


def _tile_extra(graph: Graph, op: Op) -> Constants:
    return {"multiples": vector(attrs(op, Tile).repeats)}


PADV2 = OperatorCode(BuiltinOperator.PADV2, 2, "PadV2Options", extra=_pad_extra)
SLICE = OperatorCode(BuiltinOperator.SLICE, 2, "SliceOptions", extra=_slice_extra)
BROADCAST_TO = OperatorCode(BuiltinOperator.BROADCAST_TO, 3, "BroadcastToOptions", extra=_reshape_extra)

CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "concatenation": OperatorCode(BuiltinOperator.CONCATENATION, 2, "ConcatenationOptions", _concatenation),
        "gather": OperatorCode(BuiltinOperator.GATHER, 5, "GatherOptions", _gather),
        "mirror_pad": OperatorCode(
            BuiltinOperator.MIRROR_PAD, 2, "MirrorPadOptions", _mirror_pad, extra=_mirror_pad_extra
        ),
        "pad": OperatorCode(BuiltinOperator.PAD, 2, "PadOptions", extra=_pad_extra),
        "reshape": OperatorCode(BuiltinOperator.RESHAPE, 1, "ReshapeOptions", _reshape, _reshape_extra),
        "strided_slice": OperatorCode(
            BuiltinOperator.STRIDED_SLICE, 2, "StridedSliceOptions", _strided_slice, _strided_slice_extra
        ),
        "tile": OperatorCode(BuiltinOperator.TILE, 2, "TileOptions", extra=_tile_extra),
        "transpose": OperatorCode(BuiltinOperator.TRANSPOSE, 2, "TransposeOptions", extra=_transpose_extra),
    }
)


def variant(graph: Graph, op: Op) -> OperatorCode | None:
    """The row for an operator that the format has an operator of its own for, or None.

    A slice without steps is a SLICE, which interpreters take in more dimensions than a STRIDED_SLICE; where only
    dimensions of size 1 are repeated, a tile is a BROADCAST_TO, which more of them have.
    """
    a = op.attrs
    if isinstance(a, Pad) and a.value is not None:
        return PADV2
    if isinstance(a, StridedSlice) and set(a.step) <= {1}:
        return SLICE
    if isinstance(a, Tile):
        repeated = [size for size, count in zip(graph.operand(op, 0).shape, a.repeats, strict=True) if count > 1]
        return BROADCAST_TO if set(repeated) <= {1} else None
    return None
