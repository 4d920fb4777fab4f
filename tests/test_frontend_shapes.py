"""Shapes that a model computes: folded where they follow from shapes and constants, refused by name where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from conformance.oracle import run_file
from support.tflite_files import BUILTIN, FLOAT32, INT8, INT32, File, FileOperator, FileTensor

from edgekit.errors import Exit, ModelError
from edgekit.frontend.inspection import inspect_bytes
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Graph
from edgekit_codegen.reference import run

Options = tuple[str, Mapping[str, Any]]


class Writer:
    """A model file, tensor by tensor; the int8 input `x` of an open batch is tensor 0."""

    def __init__(self, shape: tuple[int, ...] = (1, 4, 3)) -> None:
        self.tensors = [FileTensor(shape, signature=(-1, *shape[1:]))]
        self.operators: list[FileOperator] = []

    def tensor(self, shape: Sequence[int], dtype: int = INT32, **fields: Any) -> int:
        quantized: dict[str, Any] = {} if dtype == INT8 else {"scale": None}
        self.tensors.append(FileTensor(shape, dtype, **{**quantized, **fields}))
        return len(self.tensors) - 1

    def constant(self, *numbers: int, shape: Sequence[int] | None = None) -> int:
        return self.tensor((len(numbers),) if shape is None else shape, data=np.array(numbers, np.int32).tobytes())

    def op(self, name: str, inputs: Sequence[int], *shape: int, options: Options | None = None) -> int:
        """An operator with one int32 output of that shape."""
        out = self.tensor(shape)
        self.operators.append(FileOperator(getattr(BUILTIN, name), inputs, (out,), options))
        return out

    def reshape(self, shape: int, *out: int) -> File:
        """The model ends with a RESHAPE of x."""
        result = self.tensor(out, INT8)
        self.operators.append(FileOperator(BUILTIN.RESHAPE, (0, shape), (result,)))
        return File(self.tensors, self.operators, outputs=(result,))


def open_batch() -> File:
    """What Keras' Flatten becomes when the batch is left open."""
    w = Writer()
    shape = w.op("SHAPE", (0,), 3)
    options = ("StridedSliceOptions", {"ShrinkAxisMask": 1})
    batch = w.op("STRIDED_SLICE", (shape, w.constant(0), w.constant(1), w.constant(1)), options=options)
    packed = w.op("PACK", (batch, w.constant(12, shape=())), 2, options=("PackOptions", {"ValuesCount": 2}))
    return w.reshape(packed, 1, 12)


def product_of_the_rest() -> File:
    """[batch, product of the rest], with 64-bit detours, which the oracle does not compute."""
    w = Writer()
    shape = w.op("SHAPE", (0,), 3)
    batch = w.op("SLICE", (shape, w.constant(0), w.constant(1)), 1)
    rest = w.op("GATHER", (shape, w.constant(1, 2)), 2, options=("GatherOptions", {}))
    count = w.op("REDUCE_PROD", (rest, w.constant(0)), options=("ReducerOptions", {}))
    again = w.op("EXPAND_DIMS", (w.op("CAST", (count,)), w.constant(0, shape=())), 1)
    half = w.op("FLOOR_DIV", (again, w.constant(2)), 1)
    whole = w.op("MUL", (w.op("SQUEEZE", (half,)), w.op("FILL", (w.constant(1), w.constant(2, shape=())), 1)), 1)
    joined = w.op("CONCATENATION", (batch, w.op("ADD", (whole, w.constant(0)), 1)), 2,
                  options=("ConcatenationOptions", {}))  # fmt: skip
    return w.reshape(joined, 1, 12)


@pytest.mark.parametrize("file", [open_batch(), product_of_the_rest()], ids=["open batch", "product"])
def test_what_follows_from_shapes_is_folded(file: File) -> None:
    data = file.write()
    graph: Graph = parse(data, "m")
    assert [op.kind for op in graph.ops] == ["reshape"]
    x = np.arange(12, dtype=np.int8).reshape(1, 4, 3)
    np.testing.assert_array_equal(run(graph, (x,))[0], x.reshape(1, 12))
    seen = inspect_bytes(data, "m")
    assert seen.supported and all(o.supported for o in seen.operators)
    assert {o.kind for o in seen.operators[:-1]} == {"constant"}


def test_the_oracle_computes_the_same_shape() -> None:
    x = np.arange(12, dtype=np.int8).reshape(1, 4, 3)
    np.testing.assert_array_equal(run_file(open_batch().write(), (x,), 1)[0].reshape(-1), x.reshape(-1))


@pytest.mark.parametrize(
    ("name", "left", "right", "result"),
    [("ADD", 7, -3, 4), ("SUB", 7, -3, 10), ("MUL", 7, -3, -21), ("DIV", -7, 2, -3), ("FLOOR_DIV", -7, 2, -4),
     ("FLOOR_MOD", -7, 2, 1), ("MAXIMUM", 7, -3, 7), ("MINIMUM", 7, -3, -3)],
)  # fmt: skip
def test_arithmetic_is_that_of_int32(name: str, left: int, right: int, result: int) -> None:
    """Folded into the begin of a slice, where a wrong number is another element."""
    w = Writer((1, 32))
    number = w.op(name, (w.constant(left), w.constant(right)), 1)
    begin = w.op("ADD", (number, w.constant(21)), 1)
    full = w.op("CONCATENATION", (w.constant(0), begin), 2, options=("ConcatenationOptions", {}))
    out = w.tensor((1, 1), INT8)
    w.operators.append(FileOperator(BUILTIN.SLICE, (0, full, w.constant(1, 1)), (out,)))
    x = np.arange(32, dtype=np.int8).reshape(1, 32)
    (value,) = run(parse(File(w.tensors, w.operators, outputs=(out,)).write(), "m"), (x,))
    assert value.item() == result + 21


def refuse(file: File) -> ModelError:
    with pytest.raises(ModelError) as error:
        parse(file.write(), "m")
    assert error.value.exit is Exit.MODEL
    return error.value


def test_a_shape_that_depends_on_the_input_is_refused_by_name() -> None:
    w = Writer()
    given = w.tensor((2,))
    file = w.reshape(w.op("ADD", (given, w.constant(0)), 2), 1, 12)
    error = refuse(File(file.tensors, file.operators, inputs=(0, given), outputs=file.outputs))
    assert "operator 0 ADD" in error.message and "int32" in error.message


def test_a_reshape_to_an_input_is_refused_by_name() -> None:
    w = Writer()
    given = w.tensor((2,))
    file = w.reshape(given, 1, 12)
    error = refuse(File(file.tensors, file.operators, inputs=(0, given), outputs=file.outputs))
    assert "operator 0 RESHAPE" in error.message and "computed by the model" in error.message
    assert "fix the input's shape" in error.hint


@pytest.mark.parametrize("name", ["CAST", "FLOOR_DIV", "REDUCE_PROD"])
def test_operators_that_are_only_folded_say_so(name: str) -> None:
    w = Writer()
    given = w.tensor((2,))
    inputs = (given,) if name == "CAST" else (given, w.constant(1))
    file = w.reshape(w.op(name, inputs, 2), 1, 12)
    error = refuse(File(file.tensors, file.operators, inputs=(0, given), outputs=file.outputs))
    assert error.code == "operator.unsupported" and "shapes and constants" in error.hint
    assert f"operator 0 {name}" in error.message


def test_impossible_arithmetic_is_refused_by_name() -> None:
    cases = {
        "divides by zero": ("DIV", [(4,), (0,)], (1,), None),
        "fit together": ("ADD", [(1, 2), (1, 2, 3)], (3,), None),
        "broadcast to [3]": ("ADD", [(1, 2, 3), (1,)], (2,), None),
        "leave 0 .. 1": ("GATHER", [(1, 2), (2,)], (1,), ("GatherOptions", {})),
        "do not stack": ("PACK", [(1, 2), (1,)], (2, 2), ("PackOptions", {})),
        "computes shape [3]": ("CONCATENATION", [(1, 2), (1,)], (2,), ("ConcatenationOptions", {})),
    }
    for words, (name, values, shape, options) in cases.items():
        w = Writer()
        out = w.op(name, [w.constant(*numbers) for numbers in values], *shape, options=options)
        error = refuse(w.reshape(out, 1, 12))
        assert f"operator 0 {name}" in error.message
        assert words in error.message


def test_a_float_input_may_be_reshaped_before_it_is_quantized() -> None:
    tensors = [
        FileTensor((1, 4, 3), FLOAT32, scale=None),
        FileTensor((1, 12)),
        FileTensor((1, 12), FLOAT32, scale=None),
    ]
    operators = [FileOperator(BUILTIN.RESHAPE, (0,), (2,)), FileOperator(BUILTIN.QUANTIZE, (2,), (1,))]
    graph = parse(File(tensors, operators).write(), "m")
    x = np.arange(12, dtype=np.float32).reshape(1, 4, 3)
    np.testing.assert_array_equal(run(graph, (x,))[0], 2 * np.arange(12).reshape(1, 12))
