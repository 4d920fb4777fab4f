"""Writes a graph as a .tflite file, the inverse of the frontend.

The format only knows SAME and VALID padding: explicit padding that is neither is an error, and a pad operator in front
of the layer expresses it. Source of the layout: the FlatBuffers schema of LiteRT, through the `tflite` package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite

from edgekit_codegen.ir import DType, Graph, Op, Quant, Tensor

from .operators import OperatorCode, operator_code

_BUFFER_ALIGNMENT = 16  # bytes; `force_align: 16` of Buffer.data in the schema

_TYPES: Mapping[DType, int] = {
    DType.INT8: tflite.TensorType.INT8,
    DType.INT16: tflite.TensorType.INT16,
    DType.INT32: tflite.TensorType.INT32,
    DType.INT64: tflite.TensorType.INT64,
    DType.FLOAT32: tflite.TensorType.FLOAT32,
}

_BIASED = ("conv2d", "depthwise_conv2d", "transpose_conv", "fully_connected")


def dump(graph: Graph) -> bytes:
    """The graph as a .tflite file; the same graph gives the same bytes.

    Tensors are numbered by ascending id. Raises ModelError (`export.padding`, `export.operator`) for what the format
    cannot say.
    """
    tensors = [graph.tensors[i] for i in sorted(graph.tensors)]
    tensors = [_with_bias_scale(graph, t) for t in tensors]
    position = {tensor.id: index for index, tensor in enumerate(tensors)}
    codes: list[tuple[int, int]] = []
    operators: list[tuple[int, list[int], list[int], OperatorCode, Op]] = []
    for op in graph.ops:
        code = operator_code(graph, op)
        if (code.builtin, code.version) not in codes:
            codes.append((code.builtin, code.version))
        inputs = [-1 if i is None else position[i] for i in op.inputs]
        while inputs and inputs[-1] == -1:
            inputs.pop()
        for suffix, values in code.extra(graph, op).items():
            name = f"{graph.result(op).name}/{suffix}"
            inputs.append(len(tensors))
            dtype = DType(values.dtype.name)
            quant = graph.result(op).quant if dtype is DType.INT8 else None
            tensors.append(Tensor(-1, name, values.shape, dtype, quant, values))
        inputs = code.arrange(inputs)
        outputs = [position[i] for i in op.outputs]
        operators.append((codes.index((code.builtin, code.version)), inputs, outputs, code, op))

    b = flatbuffers.Builder(1 << 16)
    constants = [t for t in tensors if t.data is not None]
    buffers = [_table(b, tflite.BufferStart, tflite.BufferEnd)]  # buffer 0 stands for "no data"
    buffers += [_buffer(b, t) for t in constants]
    buffer_of = {id(t): index + 1 for index, t in enumerate(constants)}
    tensor_offsets = [_tensor(b, t, buffer_of.get(id(t), 0)) for t in tensors]
    operator_offsets = [_operator(b, graph, *entry) for entry in operators]
    graph_inputs = _int32s(b, [position[i] for i in graph.inputs])
    graph_outputs = _int32s(b, [position[i] for i in graph.outputs])
    tensors_vector, operators_vector = _offsets(b, tensor_offsets), _offsets(b, operator_offsets)
    subgraph_name = b.CreateString("main")
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors_vector)
    tflite.SubGraphAddInputs(b, graph_inputs)
    tflite.SubGraphAddOutputs(b, graph_outputs)
    tflite.SubGraphAddOperators(b, operators_vector)
    tflite.SubGraphAddName(b, subgraph_name)
    subgraphs = _offsets(b, [tflite.SubGraphEnd(b)])
    codes_vector = _offsets(b, [_opcode(b, builtin, version) for builtin, version in codes])
    buffers_vector, description = _offsets(b, buffers), b.CreateString("edgekit")
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes_vector)
    tflite.ModelAddSubgraphs(b, subgraphs)
    tflite.ModelAddDescription(b, description)
    tflite.ModelAddBuffers(b, buffers_vector)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def _with_bias_scale(graph: Graph, tensor: Tensor) -> Tensor:
    """Interpreters require the scale of an int32 bias to be input scale times weight scale; add it where absent."""
    if tensor.quant is not None or tensor.dtype is not DType.INT32:
        return tensor
    for op in graph.ops:
        if op.kind in _BIASED and op.inputs[2:] == (tensor.id,):
            weights = graph.operand(op, 1).quant
            if weights is not None:
                source = np.float32(graph.operand(op, 0).scale)
                scales = tuple(float(source * np.float32(s)) for s in weights.scale)
                quant = Quant(scales, (0,) * len(scales))
                return Tensor(tensor.id, tensor.name, tensor.shape, tensor.dtype, quant, tensor.data)
    return tensor


def _opcode(b: Any, builtin: int, version: int) -> int:
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(builtin, 127))
    tflite.OperatorCodeAddBuiltinCode(b, builtin)
    tflite.OperatorCodeAddVersion(b, version)
    return int(tflite.OperatorCodeEnd(b))


def _operator(
    b: Any, graph: Graph, code_index: int, inputs: list[int], outputs: list[int], code: OperatorCode, op: Op
) -> int:
    inputs_vector, outputs_vector = _int32s(b, inputs), _int32s(b, outputs)
    options = None if code.options is None else _options(b, code.options, code.fields(graph, op))
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, code_index)
    tflite.OperatorAddInputs(b, inputs_vector)
    tflite.OperatorAddOutputs(b, outputs_vector)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, str(code.options)))
        tflite.OperatorAddBuiltinOptions(b, options)
    return int(tflite.OperatorEnd(b))


def _options(b: Any, name: str, fields: Mapping[str, Any]) -> int:
    values = {key: _int32s(b, value) if isinstance(value, tuple) else value for key, value in fields.items()}
    getattr(tflite, f"{name}Start")(b)
    for key, value in values.items():
        getattr(tflite, f"{name}Add{key}")(b, value)
    return int(getattr(tflite, f"{name}End")(b))


def _tensor(b: Any, tensor: Tensor, buffer: int) -> int:
    name, shape = b.CreateString(tensor.name), _int32s(b, tensor.shape)
    quantization = None if tensor.quant is None else _quantization(b, tensor.quant)
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, _TYPES[tensor.dtype])
    tflite.TensorAddBuffer(b, buffer)
    tflite.TensorAddName(b, name)
    if quantization is not None:
        tflite.TensorAddQuantization(b, quantization)
    return int(tflite.TensorEnd(b))


def _quantization(b: Any, quant: Quant) -> int:
    scale = b.CreateNumpyVector(np.array(quant.scale, dtype=np.float32))
    zero_point = b.CreateNumpyVector(np.array(quant.zero_point, dtype=np.int64))
    tflite.QuantizationParametersStart(b)
    tflite.QuantizationParametersAddScale(b, scale)
    tflite.QuantizationParametersAddZeroPoint(b, zero_point)
    tflite.QuantizationParametersAddQuantizedDimension(b, quant.axis)
    return int(tflite.QuantizationParametersEnd(b))


def _buffer(b: Any, tensor: Tensor) -> int:
    assert tensor.data is not None
    raw = np.ascontiguousarray(tensor.data).astype(tensor.dtype.numpy.newbyteorder("<"), copy=False).tobytes()
    b.StartVector(1, len(raw), _BUFFER_ALIGNMENT)
    head = b.Head() - len(raw)
    b.Bytes[head : head + len(raw)] = raw
    b.head = head
    data = b.EndVector()
    return _table(b, tflite.BufferStart, tflite.BufferEnd, lambda: tflite.BufferAddData(b, data))


def _table(b: Any, start: Callable[[Any], Any], end: Callable[[Any], Any], fill: Callable[[], Any] = int) -> int:
    start(b)
    fill()
    return int(end(b))


def _int32s(b: Any, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, dtype=np.int32)))


def _offsets(b: Any, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
