"""Broken and malicious model files: always a ModelError that says where and what to do, never anything else."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from support.hostile_files import RELU, ROW, SMALL, inspectable, refused, with_tensor
from support.tflite_files import BUILTIN, FLOAT32, INT32, File, FileOperator, FileTensor

from edgekit.errors import ModelError
from edgekit.frontend import load
from edgekit.frontend.tflite import parse


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "tflite.empty"),
        (b"TFL3", "tflite.identifier"),
        (b"\x00" * 4096, "tflite.identifier"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "tflite.identifier"),
        (b"\x1c\x00\x00\x00TFL3", "tflite.malformed"),
        (b"\xff\xff\xff\xffTFL3" + bytes(64), "tflite.malformed"),
        (b"\x08\x00\x00\x00TFL3" + bytes(64), "tflite.malformed"),
    ],
)
def test_what_is_no_model_file(data: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelError) as error:
        load(path)
    assert error.value.code == code
    assert error.value.hint


CASES: dict[str, tuple[File, str, str]] = {
    "no operators": (replace(SMALL, operators=[]), "tflite.no_operators", "no operators"),
    "no outputs": (replace(SMALL, outputs=()), "tflite.no_io", "0 outputs"),
    "no tensors": (File([], [], inputs=(), outputs=()), "tflite.no_operators", "no operators"),
    "too many operators": (replace(SMALL, operators=[RELU] * 1025), "tflite.count", "1025 operators"),
    "too many tensors": (replace(SMALL, tensors=[ROW] * 4097), "tflite.count", "4097 tensors"),
    "schema version": (replace(SMALL, version=2), "tflite.version", "version 2"),
    "two subgraphs": (replace(SMALL, subgraphs=2), "tflite.subgraphs", "2 subgraphs"),
    "no subgraph": (replace(SMALL, subgraphs=0), "tflite.subgraphs", "0 subgraphs"),
    "tensor index": (replace(SMALL, operators=[replace(RELU, inputs=(9,))]), "tflite.index", "tensor 9"),
    "negative index": (replace(SMALL, operators=[replace(RELU, outputs=(-1,))]), "tflite.index", "tensor -1"),
    "input index": (replace(SMALL, inputs=(-2,)), "tflite.index", "the model's inputs"),
    "opcode index": (replace(SMALL, operators=[replace(RELU, opcode=7)]), "tflite.index", "operator 0 names opcode 7"),
    "buffer index": (with_tensor(buffer=77), "tflite.index", "tensor 0 names buffer 77"),
    "zero dimension": (with_tensor(shape=(1, 0)), "tensor.shape", "operator 0 RELU ([1, 0] int8 ->"),
    "negative dimension": (with_tensor(shape=(1, -4)), "tensor.shape", "[1, -4]"),
    "open dimension": (with_tensor(signature=(1, -1)), "tensor.dynamic", "[1, -1]"),
    "huge dimensions": (with_tensor(shape=(2**31 - 1,) * 4), "tensor.size", "2147483647"),
    "rank": (with_tensor(shape=(1,) * 40), "tensor.rank", "rank 40"),
    "scale not a number": (with_tensor(scale=(math.nan,)), "tensor.scale", "nan"),
    "infinite scale": (with_tensor(scale=(math.inf,)), "tensor.scale", "inf"),
    "scale zero": (with_tensor(scale=(0.0,)), "tensor.scale", "0.0"),
    "negative scale": (with_tensor(scale=(-1.0,)), "tensor.scale", "-1.0"),
    "zero point": (with_tensor(zero_point=(200,)), "tensor.zero_point", "200"),
    "zero points": (with_tensor(zero_point=(0, 0)), "tensor.quantization", "1 scales but 2 zero points"),
    "scales of a missing axis": (
        with_tensor(scale=(0.5,) * 4, zero_point=(0,) * 4, axis=-1),
        "tensor.quantization",
        "dimension -1",
    ),
    "custom quantization": (with_tensor(custom_quantization=True), "tensor.quantization", "custom"),
    "no quantization": (with_tensor(scale=None), "unsupported.relu", "no scale"),
    "uint8": (with_tensor(type=3), "tensor.type", "uint8"),
    "string": (with_tensor(type=5), "tensor.type", "string"),
    "unknown type": (with_tensor(type=99), "tensor.type", "type_99"),
    "sparse": (with_tensor(sparse=True), "tensor.sparse", "sparse"),
    "variable": (with_tensor(variable=True), "tensor.variable", "state"),
    "external buffer": (with_tensor(external=True), "tensor.external", "outside"),
    "buffer too short": (with_tensor(1, data=b"\x01"), "tensor.data", "holds 1 bytes instead of 4"),
    "buffer too long": (with_tensor(1, data=bytes(9)), "tensor.data", "holds 9 bytes instead of 4"),
    "no inputs of an operator": (replace(SMALL, operators=[replace(RELU, inputs=())]), "operator.inputs", "0 inputs"),
    "absent input": (replace(SMALL, operators=[replace(RELU, inputs=(-1,))]), "operator.inputs", "input 0 is missing"),
    "two outputs": (replace(SMALL, operators=[replace(RELU, outputs=(1, 0))]), "operator.outputs", "2 outputs"),
    "written constant": (with_tensor(1, data=bytes(4)), "operator.order", "operator 0 RELU"),
    "output without operator": (replace(SMALL, outputs=(0,)), "graph.illegal", "not written"),
    "output twice": (replace(SMALL, outputs=(1, 1)), "tflite.io", "tensor 1 is listed twice among the model's outputs"),
    "input twice": (replace(SMALL, inputs=(0, 0)), "tflite.io", "tensor 0 is listed twice among the model's inputs"),
    "reads itself": (replace(SMALL, operators=[replace(RELU, inputs=(1,))]), "operator.order", "operator 0 RELU"),
    "cycle": (
        File([ROW, ROW, ROW], [FileOperator(BUILTIN.RELU, (2,), (1,)), FileOperator(BUILTIN.RELU, (1,), (2,))]),
        "operator.order",
        "operator 0 RELU",
    ),
    "written twice": (replace(SMALL, operators=[RELU, RELU]), "operator.order", "operator 1 RELU"),
    "constant activation": (
        File([ROW, ROW, replace(ROW, data=bytes(4))], [FileOperator(BUILTIN.RELU, (2,), (1,))]),
        "unsupported.constant_output",
        "output 1",
    ),
    "unknown operator": (
        replace(SMALL, operators=[replace(RELU, builtin=5000)]),
        "operator.unsupported",
        "operator 0 BUILTIN_5000 ([1, 4] int8 -> [1, 4] int8)",
    ),
    "options missing": (
        replace(SMALL, operators=[replace(RELU, builtin=BUILTIN.SOFTMAX)]),
        "operator.options",
        "needs SoftmaxOptions, the file has none",
    ),
    "options of another operator": (
        replace(SMALL, operators=[replace(RELU, builtin=BUILTIN.SOFTMAX, options=("AddOptions", {}))]),
        "operator.options",
        "needs SoftmaxOptions, the file has AddOptions",
    ),
    "softmax without a temperature": (
        File(
            [ROW, replace(ROW, scale=(1 / 256,), zero_point=(-128,))],
            [replace(RELU, builtin=BUILTIN.SOFTMAX, options=("SoftmaxOptions", {"Beta": math.nan}))],
        ),
        "operator.options",
        "operator 0 SOFTMAX",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_thing_wrong(name: str) -> None:
    file, code, part = CASES[name]
    error = refused(file.write())
    assert error.code == code
    assert part in error.message
    assert error.hint
    inspectable(file.write())


@pytest.mark.parametrize(
    "options",
    [
        {"StrideH": 0, "StrideW": 1},
        {"StrideH": -1, "StrideW": 1},
        {"StrideH": 1, "StrideW": 1, "DilationHFactor": 0},
        {"StrideH": 1, "StrideW": 1, "DilationHFactor": 2**30},
        {"StrideH": 1, "StrideW": 1, "Padding": 9},
        {"StrideH": 1, "StrideW": 1, "FusedActivationFunction": 77},
    ],
)
@pytest.mark.parametrize("shape", [(1, 3, 3, 1), (3,), (0, 0, 0, 0), (1, 1, 1, 1)])
def test_impossible_convolutions(options: dict[str, int], shape: tuple[int, ...]) -> None:
    weights = FileTensor(shape, data=bytes(abs(math.prod(shape))))
    file = File(
        [FileTensor((1, 4, 4, 1)), FileTensor((1, 4, 4, 1)), weights],
        [FileOperator(BUILTIN.CONV_2D, (0, 2), (1,), ("Conv2DOptions", options))],
    )
    assert "operator 0 CONV_2D" in refused(file.write()).message


@pytest.mark.parametrize("kernel", [(0, 1), (-3, 1), (2**31 - 1, 2**31 - 1)])
def test_impossible_pools(kernel: tuple[int, int]) -> None:
    options = {"StrideH": 1, "StrideW": 1, "FilterHeight": kernel[0], "FilterWidth": kernel[1]}
    image = FileTensor((1, 4, 4, 1))
    file = File([image, image], [FileOperator(BUILTIN.MAX_POOL_2D, (0,), (1,), ("Pool2DOptions", options))])
    assert refused(file.write()).code == "operator.options"


@pytest.mark.parametrize("values", [(0, 0, 2**30, 2**30), (0, 0, -1, 1), (0, 0)])
def test_impossible_paddings(values: tuple[int, ...]) -> None:
    amounts = FileTensor((len(values),), INT32, struct.pack(f"<{len(values)}i", *values), scale=None)
    file = File([ROW, ROW, amounts], [FileOperator(BUILTIN.PAD, (0, 2), (1,))])
    assert "operator 0 PAD" in refused(file.write()).message


def test_types_that_only_unused_tensors_have_do_not_matter() -> None:
    file = replace(SMALL, tensors=[*SMALL.tensors, FileTensor((1, -1), FLOAT32), FileTensor((3,), 99)])
    assert parse(file.write(), "m").tensors.keys() == {0, 1}
