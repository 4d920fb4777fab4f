"""A .tflite file as plain records: what it says, before anything is known to be supported.

Every index in a record is checked, so that later stages can follow it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tflite

from ..errors import ModelError
from . import tflite_schema
from .flatbuffer import Malformed, Record
from .flatbuffer import read as read_tables

_MAX_TENSORS, _MAX_OPERATORS = 1 << 12, 1 << 10  # far above any model for a microcontroller
_DAMAGED = "the file is damaged or was cut short: copy or export it again"


def _names(constants: Any) -> dict[int, str]:
    return {value: name for name, value in vars(constants).items() if isinstance(value, int)}


OPERATOR_NAMES: Mapping[int, str] = _names(tflite.BuiltinOperator)
TYPE_NAMES: Mapping[int, str] = {value: name.lower() for value, name in _names(tflite.TensorType).items()}


def show_shape(shape: Sequence[int]) -> str:
    """ "[1, 8, 8, 3]" for messages; longer ones only counted."""
    return str(list(shape)) if len(shape) <= 8 else f"[{len(shape)} dimensions]"


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
    data       the buffer's bytes in the file, or None when it is an activation
    external   the elements lie outside the FlatBuffers part of the file
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    quantization: RawQuantization | None
    buffer: int
    data: memoryview | None
    external: bool
    variable: bool
    sparse: bool

    def __str__(self) -> str:
        return f"{show_shape(self.shape)} {self.type}"


@dataclass(frozen=True, slots=True)
class RawOperator:
    """One operator.

    name      the builtin operator's name, or "CUSTOM:name"
    inputs    tensor indices; None for an optional input that is absent
    options   the options table's name, and its fields where the frontend reads it; None where there is none
    """

    index: int
    name: str
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    options: tuple[str, Record | None] | None


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
        return _container(read_tables(data, tflite_schema.MODEL, tflite_schema.IDENTIFIER))
    except Malformed as error:
        raise ModelError("tflite.malformed", f"not a whole .tflite file: {error}", _DAMAGED) from error


def _container(model: Record) -> Container:
    if model["version"] != 3:
        raise ModelError(
            "tflite.version", f"the file has schema version {model['version']}, not 3", "export the model again"
        )
    if len(model["subgraphs"]) != 1:
        raise ModelError(
            "tflite.subgraphs",
            f"the file has {len(model['subgraphs'])} subgraphs; exactly one is supported",
            "export the model without control flow (IF, WHILE) and with one signature",
        )
    (graph,) = model["subgraphs"]
    for what, most in (("tensors", _MAX_TENSORS), ("operators", _MAX_OPERATORS)):
        count = len(graph[what])
        if count > most:
            raise ModelError("tflite.count", f"the file has {count} {what}; at most {most} are read", _DAMAGED)
    names = [_operator_name(code) for code in model["operator_codes"]]
    tensors = tuple(_tensor(record, i, model["buffers"]) for i, record in enumerate(graph["tensors"]))
    operators = tuple(_operator(record, i, names, len(tensors)) for i, record in enumerate(graph["operators"]))
    if not operators:
        raise ModelError("tflite.no_operators", "the model has no operators", _DAMAGED)
    inputs = _indices(graph["inputs"], "the model's inputs", len(tensors))
    outputs = _indices(graph["outputs"], "the model's outputs", len(tensors))
    if not inputs or not outputs:
        raise ModelError("tflite.no_io", f"the model has {len(inputs)} inputs and {len(outputs)} outputs", _DAMAGED)
    for what, indices in (("inputs", inputs), ("outputs", outputs)):
        repeated = [index for index, count in Counter(indices).items() if count > 1]
        if repeated:
            raise ModelError("tflite.io", f"tensor {repeated[0]} is listed twice among the model's {what}", _DAMAGED)
    return Container(tensors, operators, inputs, outputs)


def _operator_name(code: Record) -> str:
    builtin = max(code["deprecated_builtin_code"], code["builtin_code"])
    if builtin == tflite.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{_text(code['custom_code'])}"
    return OPERATOR_NAMES.get(builtin, f"BUILTIN_{builtin}")


def _tensor(tensor: Record, index: int, buffers: Sequence[Record]) -> RawTensor:
    buffer = tensor["buffer"]
    if buffer >= len(buffers):
        raise ModelError("tflite.index", f"tensor {index} names buffer {buffer} of {len(buffers)}", _DAMAGED)
    held = buffers[buffer] if buffer else None
    quantization = tensor["quantization"]
    return RawTensor(
        index=index,
        name=_text(tensor["name"]) or f"tensor_{index}",
        type=TYPE_NAMES.get(tensor["type"], f"type_{tensor['type']}"),
        shape=tensor["shape"],
        signature=tensor["shape_signature"],
        quantization=None if quantization is None else _quantization(quantization),
        buffer=buffer,
        data=(held["data"] or None) if held else None,
        external=held is not None and max(held["offset"], held["size"]) > 1,
        variable=tensor["is_variable"] != 0,
        sparse=tensor["sparsity"] is not None,
    )


def _quantization(quantization: Record) -> RawQuantization:
    return RawQuantization(
        scale=quantization["scale"],
        zero_point=quantization["zero_point"],
        axis=quantization["quantized_dimension"],
        custom=quantization["details_type"] != tflite.QuantizationDetails.NONE,
    )


def _operator(operator: Record, index: int, names: list[str], tensors: int) -> RawOperator:
    code = operator["opcode_index"]
    if code >= len(names):
        raise ModelError("tflite.index", f"operator {index} names opcode {code} of {len(names)}", _DAMAGED)
    where = f"operator {index} {names[code]}"
    inputs = tuple(None if i == -1 else _checked(i, where, tensors) for i in operator["inputs"])
    outputs = _indices(operator["outputs"], where, tensors)
    kind = _OPTION_NAMES.get(operator["builtin_options_type"])
    options = None if kind is None else (kind, operator["builtin_options"])
    return RawOperator(index, names[code], inputs, outputs, options)


_OPTION_NAMES = {value: name for value, name in _names(tflite.BuiltinOptions).items() if name != "NONE"}


def _indices(indices: Sequence[int], where: str, tensors: int) -> tuple[int, ...]:
    return tuple(_checked(i, where, tensors) for i in indices)


def _checked(index: int, where: str, tensors: int) -> int:
    if not 0 <= index < tensors:
        raise ModelError("tflite.index", f"{where}: there is no tensor {index} among {tensors}", _DAMAGED)
    return index


def _text(raw: memoryview | None) -> str:
    """A name as printable text of a bounded length."""
    text = b"" if raw is None else bytes(raw[:256])
    decoded = text.decode("utf-8", errors="replace")
    return decoded if decoded.isprintable() else "".join(c if c.isprintable() else "?" for c in decoded)
