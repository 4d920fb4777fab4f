"""Tensors of the file as tensors of the graph: element types, sizes, constants and quantization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from edgekit_codegen.ir import DType, Quant, Tensor

from ..errors import ModelError
from .container import RawTensor, show_shape

_DTYPES: Mapping[str, DType] = MappingProxyType({dtype.value: dtype for dtype in DType})
_ZERO_POINTS: Mapping[DType, tuple[int, int]] = {DType.INT8: (-128, 127), DType.INT16: (-(1 << 15), (1 << 15) - 1)}
_MAX_BYTES = 1 << 26  # far above any target's memory, far below the host's
_MAX_RANK = 8
_DAMAGED = "the file is damaged: copy or export it again"
_FULL_INT8 = "export with full-integer int8 quantization (supported_ops = TFLITE_BUILTINS_INT8)"


def convert(raw: RawTensor) -> Tensor:
    """The graph's tensor, with the file's index as its id.

    Raises ModelError (`tensor.*`) for what the graph cannot hold: other element types, sparse, variable or external
    data, impossible shapes, constants of another size than their shape, impossible quantization.
    """
    where = f"tensor {raw.index} ({raw.name}, {raw})"
    if raw.type not in _DTYPES:
        raise ModelError("tensor.type", f"{where}: element type {raw.type} is not supported", _type_hint(raw.type))
    dtype = _DTYPES[raw.type]
    if raw.sparse:
        raise ModelError("tensor.sparse", f"{where}: sparse tensors are not supported", "export it dense")
    if raw.variable:
        raise ModelError(
            "tensor.variable",
            f"{where}: the model keeps state in it, which is not supported",
            "pass the state as an input and an output of the model",
        )
    if raw.external:
        raise ModelError(
            "tensor.external",
            f"{where}: its data lies outside the FlatBuffers part of the file",
            "export a model below 2 GB without external buffers",
        )
    _check_shape(raw, dtype, where)
    return Tensor(raw.index, raw.name, raw.shape, dtype, _quant(raw, dtype, where), _data(raw, dtype, where))


def check_fixed(raw: RawTensor) -> None:
    """Raise ModelError (`tensor.dynamic`) when a dimension other than the batch is left open."""
    if any(d < 0 for d in raw.signature[1:]):
        raise ModelError(
            "tensor.dynamic",
            f"tensor {raw.index} ({raw.name}) has shape {show_shape(raw.signature)}: -1 is chosen by the caller",
            "fix the input's shape before exporting (input_shape, or a concrete function), batch 1",
        )


def _check_shape(raw: RawTensor, dtype: DType, where: str) -> None:
    if len(raw.shape) > _MAX_RANK:
        raise ModelError(
            "tensor.rank",
            f"{where}: rank {len(raw.shape)}; at most {_MAX_RANK} is read",
            "reshape it to four dimensions or less before exporting",
        )
    if any(d < 1 for d in raw.shape):
        raise ModelError(
            "tensor.shape",
            f"{where}: every dimension must be at least 1",
            "fix the input's shape before exporting, batch 1",
        )
    if math.prod(raw.shape) * dtype.size > _MAX_BYTES:
        raise ModelError("tensor.size", f"{where}: larger than {_MAX_BYTES >> 20} MiB", "use a smaller model")


def _data(raw: RawTensor, dtype: DType, where: str) -> np.ndarray | None:
    if raw.data is None:
        return None
    expected = math.prod(raw.shape) * dtype.size
    if len(raw.data) != expected:
        raise ModelError(
            "tensor.data",
            f"{where}: its buffer {raw.buffer} holds {len(raw.data)} bytes instead of {expected}",
            _DAMAGED,
        )
    stored = dtype.numpy.newbyteorder("<")
    return np.frombuffer(raw.data, dtype=stored).astype(dtype.numpy, copy=False).reshape(raw.shape)


def _quant(raw: RawTensor, dtype: DType, where: str) -> Quant | None:
    q = raw.quantization
    if q is None or (not q.scale and not q.custom):
        return None
    if q.custom:
        raise ModelError("tensor.quantization", f"{where}: custom quantization is not supported", _FULL_INT8)
    zero_point = q.zero_point or (0,) * len(q.scale)
    if len(zero_point) != len(q.scale):
        raise ModelError(
            "tensor.quantization", f"{where}: {len(q.scale)} scales but {len(zero_point)} zero points", _DAMAGED
        )
    if len(q.scale) > 1 and not (0 <= q.axis < len(raw.shape) and raw.shape[q.axis] == len(q.scale)):
        raise ModelError(
            "tensor.quantization", f"{where}: {len(q.scale)} scales do not match dimension {q.axis}", _DAMAGED
        )
    for scale in q.scale:
        if not (math.isfinite(scale) and scale > 0.0):
            raise ModelError(
                "tensor.scale",
                f"{where}: scale {scale!r} is not a positive number",
                "the model was quantized without representative data for this tensor; quantize it again",
            )
    low, high = _ZERO_POINTS.get(dtype, (-(1 << 31), (1 << 31) - 1))
    for zero in zero_point:
        if not low <= zero <= high:
            raise ModelError(
                "tensor.zero_point",
                f"{where}: zero point {zero} does not fit {dtype.value}",
                "quantize the model again",
            )
    return Quant(q.scale, zero_point, q.axis if len(q.scale) > 1 else 0)


def _type_hint(name: str) -> str:
    if name == "uint8":
        return "export with inference_input_type and inference_output_type int8; uint8 models are the older scheme"
    return _FULL_INT8
