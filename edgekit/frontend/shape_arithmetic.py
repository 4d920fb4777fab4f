"""Arithmetic on shapes: what models whose batch was left open compute with integers, done here once and for all.

SHAPE gives a constant, since every shape is fixed by now; so do integer operators whose inputs are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen.ir import Activation, DType, Shape, Tensor

from .operators.parts import slice_of, strided_slice_of
from .source import Source

Array = npt.NDArray[Any]
_MAX_ELEMENTS = 1 << 12  # of anything computed here; a shape has a handful
_INTEGERS = (DType.INT32, DType.INT64)


def fold(source: Source) -> dict[int, Tensor] | None:
    """The operator's outputs as constants, by id; None where it is no arithmetic on constant integers.

    Raises ModelError where it is, but cannot be computed.
    """
    outputs = [source.tensors[i] for i in source.operator.outputs]
    if source.operator.name == "FILL":
        return _fill(source) if source.input(0).is_constant and source.input(1).is_constant else None
    compute = FOLDED.get(source.operator.name)
    if compute is None or any(out.dtype not in _INTEGERS or out.elements > _MAX_ELEMENTS for out in outputs):
        return None
    inputs = [source.tensors[i] for i in source.operator.inputs if i is not None]
    known = all(t.data is not None and t.dtype in _INTEGERS and t.elements <= _MAX_ELEMENTS for t in inputs)
    if not (known or source.operator.name in _OF_SHAPES) or _activated(source):
        return None
    try:
        values = compute(source, [np.zeros(0) if t.data is None else t.data for t in inputs])
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise source.error("operator.parameter", f"its inputs do not fit together: {error}") from error
    if [np.shape(v) for v in values] != [out.shape for out in outputs]:
        shapes = ", ".join(str(list(np.shape(v))) for v in values)
        raise source.error("operator.shape", f"it computes shape {shapes}", "export the model again")
    return {out.id: _constant(out, value) for out, value in zip(outputs, values, strict=True)}


def _activated(source: Source) -> bool:
    """Whether a clamp follows, which integers do not need."""
    fields = None if source.operator.options is None else source.operator.options[1]
    if fields is None or "fused_activation_function" not in fields:
        return False
    return source.activation(fields) is not Activation.NONE


def _constant(out: Tensor, value: Array) -> Tensor:
    return replace(out, data=np.asarray(value).astype(out.dtype.numpy).reshape(out.shape))


def _fill(source: Source) -> dict[int, Tensor]:
    """One value, of any type, in the shape that input 0 says."""
    out, value = source.output(), source.input(1)
    shape = source.parameter(0, "shape")
    if out.shape != shape or value.data is None or value.elements != 1 or value.dtype is not out.dtype:
        raise source.error("operator.shape", f"it does not fill {list(shape)} with one value of its output's type")
    return {out.id: replace(out, data=np.full(out.shape, value.data.reshape(-1)[0], out.dtype.numpy))}


Compute = Callable[[Source, Sequence[Array]], Sequence[Array]]


def _elementwise(function: Callable[..., Array]) -> Compute:
    def compute(source: Source, values: Sequence[Array]) -> list[Array]:
        shape = np.broadcast_shapes(*(v.shape for v in values))
        if shape != source.output().shape:
            raise source.error("operator.shape", f"its inputs broadcast to {list(shape)}")
        return [np.asarray(function(*(v.reshape(v.shape or (1,)) for v in values))).reshape(shape)]

    return compute


def _quotient(a: Array, b: Array) -> Array:
    """Rounded towards zero, as C divides."""
    return np.asarray(np.sign(a) * np.sign(b) * (abs(a) // abs(b)))


def _divided(function: Callable[[Array, Array], Array]) -> Compute:
    def compute(source: Source, values: Sequence[Array]) -> Sequence[Array]:
        if not values[-1].all():
            raise source.error("operator.parameter", "it divides by zero")
        return _elementwise(function)(source, values)

    return compute


def _reduction(function: Callable[..., Array]) -> Compute:
    def compute(source: Source, values: Sequence[Array]) -> list[Array]:
        axes = tuple({source.axis(a) for a in source.parameter(1, "axes")})
        return [np.asarray(function(values[0], axis=axes)).reshape(source.output().shape)]

    return compute


def _shape(source: Source, values: Sequence[Array]) -> list[Array]:
    return [np.array(source.input(0).shape, np.int64)]


def _rank(source: Source, values: Sequence[Array]) -> list[Array]:
    return [np.array(len(source.input(0).shape), np.int64)]


def _same(source: Source, values: Sequence[Array]) -> list[Array]:
    """The same elements under the output's shape."""
    if values[0].size != source.output().elements:
        raise source.error("operator.shape", f"it has {values[0].size} elements")
    return [values[0].reshape(source.output().shape)]


def _slice(source: Source, values: Sequence[Array]) -> list[Array]:
    a = (slice_of if source.operator.name == "SLICE" else strided_slice_of)(source)
    parts = [b + s * np.arange(n) for b, n, s in zip(a.begin, a.size, a.step, strict=True)]
    return [(values[0][np.ix_(*parts)] if parts else values[0]).reshape(source.output().shape)]


def _concatenation(source: Source, values: Sequence[Array]) -> list[Array]:
    return [np.concatenate(list(values), axis=source.axis(int(source.options("ConcatenationOptions")["axis"])))]


def _pack(source: Source, values: Sequence[Array]) -> list[Array]:
    axis, rank = int(source.options("PackOptions")["axis"]), values[0].ndim + 1
    if not -rank <= axis < rank or any(v.shape != values[0].shape for v in values):
        raise source.error("operator.shape", f"its inputs do not stack along dimension {axis}")
    return [np.stack(list(values), axis)]


def _unpack(source: Source, values: Sequence[Array]) -> list[Array]:
    return list(np.moveaxis(values[0], source.axis(int(source.options("UnpackOptions")["axis"])), 0))


def _gather(source: Source, values: Sequence[Array]) -> list[Array]:
    options = source.options_or_none("GatherOptions")
    axis = source.axis(0 if options is None else int(options["axis"]))
    table, indices = values
    shape: Shape = (*table.shape[:axis], *indices.shape, *table.shape[axis + 1 :])
    if (options is not None and options["batch_dims"]) or shape != source.output().shape:
        raise source.error("operator.shape", f"it gathers {list(shape)}")
    if math.prod(indices.shape) and not (indices.min() >= 0 and indices.max() < table.shape[axis]):
        raise source.error("operator.parameter", f"its indices leave 0 .. {table.shape[axis] - 1}")
    return [np.take(table, indices, axis)]


FOLDED: Mapping[str, Compute] = MappingProxyType(
    {
        "ADD": _elementwise(np.add),
        "CAST": _same,
        "CONCATENATION": _concatenation,
        "DIV": _divided(_quotient),
        "EXPAND_DIMS": _same,
        "FLOOR_DIV": _divided(np.floor_divide),
        "FLOOR_MOD": _divided(np.mod),
        "GATHER": _gather,
        "MAXIMUM": _elementwise(np.maximum),
        "MINIMUM": _elementwise(np.minimum),
        "MUL": _elementwise(np.multiply),
        "NEG": _elementwise(np.negative),
        "PACK": _pack,
        "RANK": _rank,
        "REDUCE_MAX": _reduction(np.max),
        "REDUCE_MIN": _reduction(np.min),
        "REDUCE_PROD": _reduction(np.prod),
        "RESHAPE": _same,
        "SHAPE": _shape,
        "SLICE": _slice,
        "SQUEEZE": _same,
        "STRIDED_SLICE": _slice,
        "SUB": _elementwise(np.subtract),
        "SUM": _reduction(np.sum),
        "UNPACK": _unpack,
    }
)
_OF_SHAPES = ("SHAPE", "RANK")
FOLDED_NAMES = frozenset({*FOLDED, "FILL"})
"""Operators that may be folded; some of them are operators of the graph as well."""
