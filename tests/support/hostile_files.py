"""Small model files to spoil, and what must become of a spoiled one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.errors import Exit, ModelError
from edgekit.export.tflite import dump
from edgekit.frontend.inspection import inspect_bytes
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Activation
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import Conv2D, Padding
from edgekit_codegen.passes import optimize

from .graph_builder import STEP, GraphBuilder
from .tflite_files import BUILTIN, File, FileOperator, FileTensor

ROW = FileTensor((1, 4))
RELU = FileOperator(BUILTIN.RELU, (0,), (1,))
SMALL = File([ROW, ROW], [RELU])


def every_operator() -> bytes:
    """A file with each operator that the frontend reads."""
    b = GraphBuilder()
    x = b.quantize(b.float_input((1, 6, 7, 2)), STEP)
    x = b.conv2d(b.pad(x, 1, 1, 1, 1), attrs=Conv2D(padding=Padding(1, 1, 1, 1), activation=Activation.RELU6))
    x = b.relu(b.depthwise(x))
    x = b.pool("average", b.pool("max", x, (2, 2)), (2, 2), (2, 2))
    x = b.add(x, b.transpose(b.transpose(x, (0, 2, 1, 3)), (0, 2, 1, 3)))
    x = b.fully_connected(b.reshape(b.mean(x, (1,)), (1, 9)), 4, 9)
    return dump(b.graph(b.dequantize(b.softmax(x))))


def refused(data: bytes) -> ModelError:
    with pytest.raises(ModelError) as error:
        parse(data, "m")
    assert error.value.exit is Exit.MODEL
    assert "." in error.value.code and error.value.message
    return error.value


def survives(data: bytes) -> bool:
    """The file is a graph that verifies and optimizes, or a ModelError."""
    try:
        optimize(verify(parse(data, "m"), "the test"))
    except ModelError as error:
        assert error.hint
        accepted = False
    else:
        accepted = True
    return accepted


def inspectable(data: bytes) -> None:
    """`inspect` agrees with `parse` about a file, and only gives up where it is no whole file."""
    try:
        seen = inspect_bytes(data, "m")
    except ModelError as error:
        assert error.code.startswith("tflite.")
        refused(data)
    else:
        assert seen.supported is survives(data)


def with_tensor(index: int = 0, **fields: object) -> File:
    tensors = [replace(t, **fields) if i == index else t for i, t in enumerate(SMALL.tensors)]  # type: ignore[arg-type]
    return replace(SMALL, tensors=tensors)
