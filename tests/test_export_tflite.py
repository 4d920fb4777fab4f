"""Exported .tflite files: the same graph when read again, and what another interpreter makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from support import conv_graphs
from support.conv_graphs import Case
from support.graph_builder import STEP, GraphBuilder
from support.models import NAMES, model_path

from edgekit.errors import ModelError
from edgekit.export.tflite import dump
from edgekit.frontend import load, tflite_schema
from edgekit.frontend.flatbuffer import Bytes, Child, Children, Numbers, Scalar, Table, Union, size
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Activation, DType, Graph
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, FullyConnected, Padding
from edgekit_codegen.reference import run


def layout(graph: Graph) -> list[Any]:
    """Everything about a graph but its name and the tensors' numbers."""
    order = {ident: index for index, ident in enumerate(sorted(graph.tensors))}
    tensors = [graph.tensors[i] for i in sorted(graph.tensors)]
    return [
        [(t.name, t.shape, t.dtype, t.quant, None if t.data is None else t.data.tobytes()) for t in tensors],
        [
            (op.kind, [None if i is None else order[i] for i in op.inputs], [order[i] for i in op.outputs], op.attrs)
            for op in graph.ops
        ],
        [order[i] for i in graph.inputs],
        [order[i] for i in graph.outputs],
    ]


def interpret(data: bytes, inputs: list[np.ndarray]) -> np.ndarray:
    """What the TensorFlow Lite Micro interpreter computes."""
    runtime = pytest.importorskip("tflite_micro", reason="install tflite-micro for the oracle").runtime
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=4 << 20)
    for position, value in enumerate(inputs):
        interpreter.set_input(value, position)
    interpreter.invoke()
    result: np.ndarray = interpreter.get_output(0)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_real_models_come_back_as_they_were(name: str) -> None:
    graph = load(model_path(name))
    data = dump(graph)
    assert layout(parse(data, name)) == layout(graph)
    assert dump(graph) == data


@pytest.mark.parametrize("name", ["mlperf_tiny_kws", "mcunet_vww1"])
def test_an_interpreter_computes_the_same_from_the_exported_file(name: str) -> None:
    path = model_path(name)
    data = dump(load(path))
    rng = np.random.default_rng(3)
    graph = load(path)
    entry = graph.tensors[graph.inputs[0]]
    x = rng.normal(0, 1, entry.shape).astype(np.float32)
    if entry.dtype is DType.INT8:
        x = rng.integers(-128, 128, entry.shape).astype(np.int8)
    np.testing.assert_array_equal(interpret(data, [x]), interpret(path.read_bytes(), [x]))


@given(conv_graphs.conv2d())
@settings(max_examples=15)
def test_convolutions_come_back(case: Case) -> None:
    assert layout(parse(dump(case.graph), "m"))[1:] == layout(case.graph)[1:]


@given(conv_graphs.fully_connected(images=True))
@settings(max_examples=15)
def test_fully_connected_layers_come_back(case: Case) -> None:
    assert layout(parse(dump(case.graph), "m"))[1:] == layout(case.graph)[1:]


def built(build: Callable[[GraphBuilder, int], int], shape: tuple[int, ...] = (1, 6, 6, 2)) -> Graph:
    b = GraphBuilder()
    return b.graph(build(b, b.input(shape)))


SAME_3X3 = Padding(1, 1, 1, 1)
OPERATORS: dict[str, Graph] = {
    "conv2d": built(lambda b, x: b.conv2d(x, attrs=Conv2D((2, 2), padding=Padding(0, 1, 0, 1)))),
    "depthwise": built(lambda b, x: b.depthwise(x, attrs=DepthwiseConv2D(padding=SAME_3X3, multiplier=2))),
    "fully connected": built(lambda b, x: b.fully_connected(x, 5, 8), (3, 8)),
    "fully connected keep": built(lambda b, x: b.fully_connected(x, 5, 4, FullyConnected(keep_dims=True)), (1, 3, 4)),
    "add": built(lambda b, x: b.add(x, x, Activation.RELU6)),
    "average pool": built(lambda b, x: b.pool("average", x, (3, 3), (1, 1), SAME_3X3)),
    "max pool": built(lambda b, x: b.pool("max", x, (2, 3), (2, 1))),
    "mean": built(lambda b, x: b.mean(x, (1, 2), keep_dims=True)),
    "pad": built(lambda b, x: b.pad(x, 1, 2, 0, 1, after=1)),
    "softmax": built(lambda b, x: b.softmax(x), (1, 9)),
    "reshape": built(lambda b, x: b.reshape(x, (1, 72))),
    "transpose": built(lambda b, x: b.transpose(x, (0, 2, 3, 1))),
    "quantize": built(lambda b, x: b.quantize(b.dequantize(x), STEP)),
    "relu": built(lambda b, x: b.relu(x, Activation.RELU)),
    "relu6": built(lambda b, x: b.relu(x, Activation.RELU6)),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_exported_so_that_an_interpreter_takes_it(name: str) -> None:
    graph = OPERATORS[name]
    data = dump(graph)
    assert layout(parse(data, "m"))[1:] == layout(graph)[1:]
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)
    np.testing.assert_array_equal(interpret(data, [x]), run(graph, [x])[0])


def test_an_activation_that_no_interpreter_here_has_is_exported_all_the_same() -> None:
    graph = built(lambda b, x: b.relu(x, Activation.RELU_N1_TO_1))
    assert parse(dump(graph), "m").ops == graph.ops


@pytest.mark.parametrize("padding", [Padding(1, 0, 1, 0), Padding(1, 1, 0, 0), Padding(2, 2, 2, 2)])
def test_padding_that_the_format_cannot_say_is_refused(padding: Padding) -> None:
    with pytest.raises(ModelError, match="neither SAME nor VALID") as error:
        dump(built(lambda b, x: b.conv2d(x, attrs=Conv2D(padding=padding))))
    assert error.value.code == "export.padding"
    assert "pad operator" in error.value.hint


def test_constants_are_aligned_in_the_file() -> None:
    b = GraphBuilder()
    graph = b.graph(b.conv2d(b.input((1, 4, 4, 3)), channels=5))
    data = dump(graph)
    for tensor in graph.tensors.values():
        if tensor.data is not None:
            assert data.index(tensor.data.tobytes()) % 16 == 0


class Recorder:
    """Stands for a FlatBuffers builder and notes the slot, `struct` code and default that a setter of the schema has.

    An offset has no code.
    """

    def __getattr__(self, name: str) -> Callable[..., None]:
        kind = name.removeprefix("Prepend").removesuffix("Slot").removesuffix("Relative")
        codes = {"Bool": "B", "Int8": "b", "Uint8": "B", "Int32": "i", "Uint32": "I", "Float32": "f", "Uint64": "Q"}
        code = "" if kind == "UOffsetT" else codes[kind]

        def record(slot: int, value: object, default: float) -> None:
            self.written = (slot, code, float(default))

        return record


def tables(table: Table) -> list[Table]:
    found = [table]
    for _, field in table.fields.values():
        members = field.members.values() if isinstance(field, Union) else []
        inner = [field.table] if isinstance(field, Child | Children) else list(members)
        found += [t for child in inner for t in tables(child)]
    return found


def test_the_reader_knows_the_schema() -> None:
    """Every field it lists has the slot, the type and the default that the generated schema code writes."""
    seen = tables(tflite_schema.MODEL)
    assert {t.name for t in seen} >= {"Model", "SubGraph", "Tensor", *tflite_schema.OPTIONS}
    for table in seen:
        for slot, (name, field) in table.fields.items():
            recorder = Recorder()
            setter = f"{table.name}Add{''.join(part.capitalize() for part in name.split('_'))}"
            getattr(tflite, setter)(recorder, 0)
            stored = (field.code, field.default) if isinstance(field, Scalar) else ("", 0)
            assert recorder.written == (slot, *stored), setter
            if isinstance(field, Numbers | Bytes):
                start = setter.replace("Add", "Start", 1) + "Vector"
                sizes: list[int] = []

                class Sizes:
                    def StartVector(self, size: int, count: int, alignment: int, into: list[int] = sizes) -> None:  # noqa: N802
                        into.append(size)

                if hasattr(tflite, start):  # a string has none
                    getattr(tflite, start)(Sizes(), 1)
                    assert sizes == [size(field.code) if isinstance(field, Numbers) else 1], start
