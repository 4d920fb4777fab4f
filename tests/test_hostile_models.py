"""Broken and malicious model files: always a ModelError that says where and what to do, never anything else."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tflite
from support.graph_builder import STEP, GraphBuilder
from support.models import model_path
from support.tflite_files import BUILTIN, FLOAT32, INT32, File, FileOperator, FileTensor

from edgekit.errors import Exit, ModelError
from edgekit.export.tflite import dump
from edgekit.frontend import load
from edgekit.frontend.inspection import inspect_bytes
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Activation
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import Conv2D, Padding
from edgekit_codegen.passes import optimize

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
        assert "not a readable" not in error.message  # the bounds check comes before the accessors trip
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


def with_tensor(index: int = 0, **fields: object) -> File:
    tensors = [replace(t, **fields) if i == index else t for i, t in enumerate(SMALL.tensors)]  # type: ignore[arg-type]
    return replace(SMALL, tensors=tensors)


CASES: dict[str, tuple[File, str, str]] = {
    "no operators": (replace(SMALL, operators=[]), "tflite.no_operators", "no operators"),
    "no outputs": (replace(SMALL, outputs=()), "tflite.no_io", "0 outputs"),
    "no tensors": (File([], [], inputs=(), outputs=()), "tflite.no_operators", "no operators"),
    "too many operators": (replace(SMALL, operators=[RELU] * 4097), "tflite.count", "4097 operators"),
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
    "output twice": (replace(SMALL, outputs=(1, 1)), "graph.illegal", "repeat"),
    "input twice": (replace(SMALL, inputs=(0, 0)), "graph.illegal", "listed twice"),
    "reads itself": (replace(SMALL, operators=[replace(RELU, inputs=(1,))]), "operator.order", "operator 0 RELU"),
    "cycle": (
        File([ROW, ROW, ROW], [FileOperator(BUILTIN.RELU, (2,), (1,)), FileOperator(BUILTIN.RELU, (1,), (2,))]),
        "operator.order",
        "operator 0 RELU",
    ),
    "written twice": (replace(SMALL, operators=[RELU, RELU]), "operator.order", "operator 1 RELU"),
    "constant activation": (
        File([ROW, ROW, replace(ROW, data=bytes(4))], [FileOperator(BUILTIN.RELU, (2,), (1,))]),
        "graph.activation",
        "operator 0 RELU",
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


def test_names_that_are_not_text_are_shown_as_far_as_possible() -> None:
    file = with_tensor(name=b"\xff\xfe\x00\n" * 1000, scale=(0.0,))
    message = refused(file.write()).message
    assert message.isprintable()
    assert len(message) < 2000


def test_truncations_are_refused() -> None:
    data = every_operator()
    assert survives(data)
    for length in [*range(0, len(data), 5), *range(len(data) - 64, len(data))]:
        refused(data[:length])


def test_every_count_and_offset_may_be_anything() -> None:
    b = GraphBuilder()
    data = dump(b.graph(b.conv2d(b.pad(b.input((1, 4, 4, 1)), 1), channels=2)))
    values = (0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x10000000, 0)
    for position in range(0, len(data) - 3, 4):
        survives(data[:position] + struct.pack("<I", values[position // 4 % 5]) + data[position + 4 :])


def flip_bit(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def edit_word(data: bytearray, rng: random.Random) -> None:
    position = rng.randrange(len(data) - 4) & ~3
    word = rng.choice([0, 1, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, rng.getrandbits(32), rng.randrange(len(data))])
    data[position : position + 4] = struct.pack("<I", word)


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def swap_words(data: bytearray, rng: random.Random) -> None:
    a, b = (rng.randrange(len(data) - 4) & ~3 for _ in range(2))
    data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def mutated(data: bytes, rng: random.Random, structure: list[int]) -> bytes:
    """One to three edits, most of them where the file's structure is and not among its weights."""
    result = bytearray(data)
    edits: list[Callable[[bytearray, random.Random], None]] = [flip_bit, edit_word, edit_word, swap_words]
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.1 and len(result) > 64:
            truncate(result, rng)
        elif len(result) > 64:
            start = min(rng.choice(structure), len(result) - 64)
            window = result[start : start + 64]
            rng.choice(edits)(window, rng)
            result[start : start + 64] = window
    return bytes(result)


def fuzz(data: bytes, structure: list[int], count: int, seed: int) -> None:
    rng = random.Random(seed)
    files = [mutated(data, rng, structure) for _ in range(count)]
    accepted = sum(survives(file) for file in files)
    for file in files[::10]:
        inspectable(file)
    assert 0 < accepted < count  # some edits must hit a weight or a name, and some the structure


def test_mutations_of_a_file_with_every_operator() -> None:
    data = every_operator()
    fuzz(data, list(range(0, len(data) - 64, 16)), 500, seed=1)


@pytest.mark.parametrize("name", ["mlperf_tiny_kws", "mlperf_tiny_sww"])
def test_mutations_of_real_models(name: str) -> None:
    data = model_path(name).read_bytes()
    # Anything but runs of weights: words that look like offsets, counts and small numbers.
    small = [i for i in range(0, len(data) - 64, 64) if sum(b in (0, 0xFF) for b in data[i : i + 64]) > 16]
    fuzz(data, small, 120, seed=2)


def test_a_file_that_refers_to_the_same_bytes_over_and_over_is_refused() -> None:
    """131,072 subgraphs, all of them the same empty table: a reader that follows each would take minutes."""
    data = bytearray(SMALL.write())
    root = struct.unpack_from("<I", data, 0)[0]
    vtable = root - struct.unpack_from("<i", data, root)[0]
    subgraphs = root + struct.unpack_from("<H", data, vtable + 4 + 2 * 2)[0]
    data += bytes(-len(data) % 4)
    vector, count = len(data), 1 << 17
    table = vector + 4 + 4 * count
    data += struct.pack("<I", count) + b"".join(struct.pack("<I", table - (vector + 4 + 4 * i)) for i in range(count))
    data += struct.pack("<iHH", -4, 4, 4)  # a table without fields, and its vtable
    struct.pack_into("<I", data, subgraphs, vector - subgraphs)
    error = refused(bytes(data))
    assert error.code == "tflite.malformed"
    assert "more than" in error.message or "over and over" in error.message


def test_one_long_name_that_every_tensor_shares_is_refused() -> None:
    """Small in the file, large once every tensor has its copy."""
    data = bytearray(File([ROW] * 400, [RELU]).write())
    name = len(data) + -len(data) % 4
    data += bytes(name - len(data)) + struct.pack("<I", 1 << 16) + b"n" * (1 << 16) + bytes(4)
    model = tflite.Model.GetRootAs(bytes(data), 0).Subgraphs(0)
    for index in range(400):
        table = model.Tensors(index)._tab
        position = table.Pos + table.Offset(10)
        struct.pack_into("<I", data, position, name - position)
    assert "over and over" in refused(bytes(data)).message


def test_types_that_only_unused_tensors_have_do_not_matter() -> None:
    file = replace(SMALL, tensors=[*SMALL.tensors, FileTensor((1, -1), FLOAT32), FileTensor((3,), 99)])
    assert parse(file.write(), "m").tensors.keys() == {0, 1}
