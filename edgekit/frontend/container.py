"""A .tflite file as plain records: what it says, before anything is known to be supported.

Every index in a record is checked, so that later stages can follow it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tflite

from ..errors import ModelError
from . import tflite_schema
from .flatbuffer import Malformed, check

_MAX_TENSORS, _MAX_OPERATORS = 1 << 14, 1 << 12  # far above any model for a microcontroller
_DAMAGED = "the file is damaged or was cut short: copy or export it again"


def _names(constants: Any) -> dict[int, str]:
    return {value: name for name, value in vars(constants).items() if isinstance(value, int)}


OPERATOR_NAMES: Mapping[int, str] = _names(tflite.BuiltinOperator)
TYPE_NAMES: Mapping[int, str] = {value: name.lower() for value, name in _names(tflite.TensorType).items()}


@dataclass(frozen=True, slots=True)
class RawQuantization:
    """Scales and zero points as the file has them; `custom` when they follow a scheme of the exporter's own."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    custom: bool


@dataclass(frozen=True, slots=True)
class RawTensor:
    """One entry of the file's tensor table.

    type       element type, by its name in lower case
    signature  the shape with -1 for dimensions that the caller chooses; empty when all are fixed
    buffer     index of the buffer that holds its elements
    data       the buffer's bytes, or None when it is an activation
    external   the elements lie outside the FlatBuffers part of the file
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    quantization: RawQuantization | None
    buffer: int
    data: bytes | None
    external: bool
    variable: bool
    sparse: bool

    def __str__(self) -> str:
        return f"{list(self.shape)} {self.type}"


@dataclass(frozen=True, slots=True)
class RawOperator:
    """One operator.

    name      the builtin operator's name, or "CUSTOM:name"
    inputs    tensor indices; None for an optional input that is absent
    options   the options table's name, and its accessor where the frontend reads it; None where there is none
    """

    index: int
    name: str
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    options: tuple[str, Any] | None


@dataclass(frozen=True, slots=True)
class Container:
    """A file's only subgraph."""

    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def describe(self, operator: RawOperator) -> str:
        """ "operator 3 CONV_2D ([1, 8, 8, 3] int8, ... -> [1, 8, 8, 4] int8)" for messages."""
        inputs = ", ".join("none" if i is None else str(self.tensors[i]) for i in operator.inputs[:8])
        outputs = ", ".join(str(self.tensors[i]) for i in operator.outputs[:8])
        return f"operator {operator.index} {operator.name} ({inputs} -> {outputs})"


def read(data: bytes) -> Container:
    """The file's records. Raises ModelError (`tflite.*`) when it is not a whole .tflite file with one subgraph."""
    if not data:
        raise ModelError("tflite.empty", "the model file is empty", _DAMAGED)
    if data[4:8] != tflite_schema.IDENTIFIER:
        raise ModelError(
            "tflite.identifier",
            f"not a .tflite file: bytes 4 to 8 are {data[4:8]!r} instead of {tflite_schema.IDENTIFIER!r}",
            "edgekit reads .tflite files; export the model with the LiteRT (TensorFlow Lite) converter",
        )
    try:
        check(data, tflite_schema.MODEL, tflite_schema.IDENTIFIER)
        return _read(data)
    except Malformed as error:
        raise ModelError("tflite.malformed", f"not a whole .tflite file: {error}", _DAMAGED) from error
    except (ValueError, LookupError, ArithmeticError, TypeError, struct.error) as error:
        # The accessors are generated and trust the file; whatever the check above let through ends here.
        raise ModelError("tflite.malformed", f"not a readable .tflite file: {error}", _DAMAGED) from error


def _read(data: bytes) -> Container:
    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise ModelError(
            "tflite.version", f"the file has schema version {model.Version()}, not 3", "export the model again"
        )
    if model.SubgraphsLength() != 1:
        raise ModelError(
            "tflite.subgraphs",
            f"the file has {model.SubgraphsLength()} subgraphs; exactly one is supported",
            "export the model without control flow (IF, WHILE) and with one signature",
        )
    graph = model.Subgraphs(0)
    n_tensors, n_operators = graph.TensorsLength(), graph.OperatorsLength()
    for what, count, most in (("tensors", n_tensors, _MAX_TENSORS), ("operators", n_operators, _MAX_OPERATORS)):
        if count > most:
            raise ModelError("tflite.count", f"the file has {count} {what}; at most {most} are read", _DAMAGED)
    buffers = [_buffer(model, i) for i in range(model.BuffersLength())]
    names = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    tensors = tuple(_tensor(graph.Tensors(i), i, buffers) for i in range(n_tensors))
    operators = tuple(_operator(graph.Operators(i), i, names, len(tensors)) for i in range(n_operators))
    if not operators:
        raise ModelError("tflite.no_operators", "the model has no operators", _DAMAGED)
    inputs = _indices(graph, "Inputs", "the model's inputs", len(tensors))
    outputs = _indices(graph, "Outputs", "the model's outputs", len(tensors))
    if not inputs or not outputs:
        raise ModelError("tflite.no_io", f"the model has {len(inputs)} inputs and {len(outputs)} outputs", _DAMAGED)
    return Container(tensors, operators, inputs, outputs)


def _buffer(model: Any, index: int) -> tuple[bytes | None, bool]:
    """(the buffer's bytes or None, whether they lie elsewhere in the file)."""
    buffer = model.Buffers(index)
    data = buffer.DataAsNumpy() if buffer.DataLength() else None
    return (None if data is None else data.tobytes()), buffer.Offset() > 1 or buffer.Size() > 1


def _operator_name(code: Any) -> str:
    builtin = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    if builtin == tflite.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{_text(code.CustomCode())}"
    return OPERATOR_NAMES.get(builtin, f"BUILTIN_{builtin}")


def _tensor(tensor: Any, index: int, buffers: list[tuple[bytes | None, bool]]) -> RawTensor:
    buffer = int(tensor.Buffer())
    if buffer >= len(buffers):
        raise ModelError("tflite.index", f"tensor {index} names buffer {buffer} of {len(buffers)}", _DAMAGED)
    data, external = buffers[buffer] if buffer else (None, False)
    quantization = tensor.Quantization()
    return RawTensor(
        index=index,
        name=_text(tensor.Name()) or f"tensor_{index}",
        type=TYPE_NAMES.get(tensor.Type(), f"type_{tensor.Type()}"),
        shape=_numbers(tensor, "Shape"),
        signature=_numbers(tensor, "ShapeSignature"),
        quantization=None if quantization is None else _quantization(quantization),
        buffer=buffer,
        data=data,
        external=external,
        variable=bool(tensor.IsVariable()),
        sparse=tensor.Sparsity() is not None,
    )


def _quantization(quantization: Any) -> RawQuantization:
    return RawQuantization(
        scale=tuple(float(s) for s in np.atleast_1d(quantization.ScaleAsNumpy())) if quantization.ScaleLength() else (),
        zero_point=_numbers(quantization, "ZeroPoint"),
        axis=int(quantization.QuantizedDimension()),
        custom=quantization.DetailsType() != tflite.QuantizationDetails.NONE,
    )


def _operator(operator: Any, index: int, names: list[str], tensors: int) -> RawOperator:
    code = int(operator.OpcodeIndex())
    if code >= len(names):
        raise ModelError("tflite.index", f"operator {index} names opcode {code} of {len(names)}", _DAMAGED)
    where = f"operator {index} {names[code]}"
    inputs = tuple(None if i == -1 else _checked(i, where, tensors) for i in _numbers(operator, "Inputs"))
    outputs = _indices(operator, "Outputs", where, tensors)
    options = None
    kind = _OPTION_NAMES.get(operator.BuiltinOptionsType())
    if kind is not None:
        options = (kind, _accessor(kind, operator))
    return RawOperator(index, names[code], inputs, outputs, options)


_OPTION_NAMES = {value: name for value, name in _names(tflite.BuiltinOptions).items() if name != "NONE"}


def _accessor(kind: str, operator: Any) -> Any | None:
    """The options table; None for a kind whose bounds are not checked, which is then never read."""
    table = operator.BuiltinOptions() if kind in tflite_schema.OPTIONS else None
    if table is None:
        return None
    accessor = getattr(tflite, kind)()
    accessor.Init(table.Bytes, table.Pos)
    return accessor


def _indices(table: Any, field: str, where: str, tensors: int) -> tuple[int, ...]:
    return tuple(_checked(i, where, tensors) for i in _numbers(table, field))


def _checked(index: int, where: str, tensors: int) -> int:
    if not 0 <= index < tensors:
        raise ModelError("tflite.index", f"{where}: there is no tensor {index} among {tensors}", _DAMAGED)
    return index


def _numbers(table: Any, field: str) -> tuple[int, ...]:
    if not getattr(table, f"{field}Length")():
        return ()
    return tuple(int(n) for n in getattr(table, f"{field}AsNumpy")())


def _text(raw: bytes | None) -> str:
    """A name as printable text of a bounded length."""
    text = (raw or b"")[:256].decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "?" for c in text)
