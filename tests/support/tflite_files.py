"""Model files written field by field, so that tests can write what no exporter would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

INT8, INT32, FLOAT32 = tflite.TensorType.INT8, tflite.TensorType.INT32, tflite.TensorType.FLOAT32
BUILTIN = tflite.BuiltinOperator


@dataclass(frozen=True)
class FileTensor:
    """One tensor; `data` gets a buffer of its own, `buffer` overrides the index that the tensor names."""

    shape: Sequence[int]
    type: int = INT8
    data: bytes | None = None
    scale: Sequence[float] | None = (0.5,)
    zero_point: Sequence[int] | None = (0,)
    axis: int = 0
    name: str | bytes = "t"
    signature: Sequence[int] = ()
    buffer: int | None = None
    variable: bool = False
    sparse: bool = False
    custom_quantization: bool = False
    external: bool = False


@dataclass(frozen=True)
class FileOperator:
    """`options` is (table name, fields); a tuple of numbers becomes an int32 vector."""

    builtin: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: tuple[str, Mapping[str, Any]] | None = None
    custom: str | None = None
    opcode: int | None = None


@dataclass(frozen=True)
class File:
    tensors: Sequence[FileTensor]
    operators: Sequence[FileOperator]
    inputs: Sequence[int] = (0,)
    outputs: Sequence[int] = (1,)
    version: int = 3
    subgraphs: int = 1
    identifier: bytes = field(default=b"TFL3")

    def write(self) -> bytes:
        b = flatbuffers.Builder(1024)
        buffers = [_buffer(b, b"", False)]
        indices = []
        for tensor in self.tensors:
            if tensor.data is not None or tensor.external:
                indices.append(len(buffers))
                buffers.append(_buffer(b, tensor.data or b"", tensor.external))
            else:
                indices.append(0)
        subgraphs = []
        for _ in range(self.subgraphs):
            tensors = [
                _tensor(b, t, i if t.buffer is None else t.buffer) for t, i in zip(self.tensors, indices, strict=True)
            ]
            operators = [_operator(b, op, index) for index, op in enumerate(self.operators)]
            parts = [_offsets(b, tensors), _ints(b, self.inputs), _ints(b, self.outputs), _offsets(b, operators)]
            tflite.SubGraphStart(b)
            tflite.SubGraphAddTensors(b, parts[0])
            tflite.SubGraphAddInputs(b, parts[1])
            tflite.SubGraphAddOutputs(b, parts[2])
            tflite.SubGraphAddOperators(b, parts[3])
            subgraphs.append(tflite.SubGraphEnd(b))
        codes = [_code(b, op) for op in self.operators]
        parts = [_offsets(b, codes), _offsets(b, subgraphs), _offsets(b, buffers)]
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, self.version)
        tflite.ModelAddOperatorCodes(b, parts[0])
        tflite.ModelAddSubgraphs(b, parts[1])
        tflite.ModelAddBuffers(b, parts[2])
        b.Finish(tflite.ModelEnd(b), file_identifier=self.identifier)
        return bytes(b.Output())


def _code(b: Any, op: FileOperator) -> int:
    custom = None if op.custom is None else b.CreateString(op.custom)
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(op.builtin, 127))
    tflite.OperatorCodeAddBuiltinCode(b, op.builtin)
    if custom is not None:
        tflite.OperatorCodeAddCustomCode(b, custom)
    return int(tflite.OperatorCodeEnd(b))


def _operator(b: Any, op: FileOperator, index: int) -> int:
    inputs, outputs, options = _ints(b, op.inputs), _ints(b, op.outputs), None
    if op.options is not None:
        name, fields = op.options
        fields = {key: _ints(b, value) if isinstance(value, tuple) else value for key, value in fields.items()}
        getattr(tflite, f"{name}Start")(b)
        for key, value in fields.items():
            getattr(tflite, f"{name}Add{key}")(b, value)
        options = getattr(tflite, f"{name}End")(b)
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, index if op.opcode is None else op.opcode)
    tflite.OperatorAddInputs(b, inputs)
    tflite.OperatorAddOutputs(b, outputs)
    if op.options is not None:
        tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, op.options[0]))
        tflite.OperatorAddBuiltinOptions(b, options)
    return int(tflite.OperatorEnd(b))


def _tensor(b: Any, tensor: FileTensor, buffer: int) -> int:
    name, shape = b.CreateString(tensor.name), _ints(b, tensor.shape)
    signature = _ints(b, tensor.signature) if tensor.signature else None
    sparsity = quantization = None
    if tensor.sparse:
        tflite.SparsityParametersStart(b)
        sparsity = tflite.SparsityParametersEnd(b)
    if tensor.scale is not None:
        scale = b.CreateNumpyVector(np.array(tensor.scale, np.float32))
        zero_point = None if tensor.zero_point is None else b.CreateNumpyVector(np.array(tensor.zero_point, np.int64))
        tflite.QuantizationParametersStart(b)
        tflite.QuantizationParametersAddScale(b, scale)
        if zero_point is not None:
            tflite.QuantizationParametersAddZeroPoint(b, zero_point)
        if tensor.custom_quantization:
            tflite.QuantizationParametersAddDetailsType(b, tflite.QuantizationDetails.CustomQuantization)
        tflite.QuantizationParametersAddQuantizedDimension(b, tensor.axis)
        quantization = tflite.QuantizationParametersEnd(b)
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, tensor.type)
    tflite.TensorAddBuffer(b, buffer)
    tflite.TensorAddName(b, name)
    tflite.TensorAddIsVariable(b, tensor.variable)
    if quantization is not None:
        tflite.TensorAddQuantization(b, quantization)
    if sparsity is not None:
        tflite.TensorAddSparsity(b, sparsity)
    if signature is not None:
        tflite.TensorAddShapeSignature(b, signature)
    return int(tflite.TensorEnd(b))


def _buffer(b: Any, data: bytes, external: bool) -> int:
    vector = b.CreateByteVector(data) if data else None
    tflite.BufferStart(b)
    if vector is not None:
        tflite.BufferAddData(b, vector)
    if external:
        tflite.BufferAddOffset(b, 4096)
        tflite.BufferAddSize(b, 64)
    return int(tflite.BufferEnd(b))


def _ints(b: Any, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, dtype=np.int32)))


def _offsets(b: Any, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
