"""The reference runs whole models to the byte as TensorFlow Lite Micro does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.kernel_runner import compute
from support.models import NAMES, model_path

from edgekit import frontend
from edgekit_codegen import reference
from edgekit_codegen.ir import DType, Graph, Tensor
from edgekit_codegen.ops import TABLE

SAMPLES = 100


def stored_range(graph: Graph, tensor: Tensor) -> tuple[float, float]:
    """The real values that the quantization behind a float32 input can represent."""
    (first,) = graph.consumers(tensor.id)
    stored = graph.result(first)
    return stored.scale * (-128 - stored.zero_point), stored.scale * (127 - stored.zero_point)


def random_input(graph: Graph, tensor: Tensor, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Uniform over a part of what the input can hold, of random width and place; float32 inputs also exceed it."""
    low, high = stored_range(graph, tensor) if tensor.dtype is DType.FLOAT32 else (-128.0, 127.0)
    width = (high - low) * rng.uniform(0.02, 1.2)
    middle = rng.uniform(low, high)
    values = rng.uniform(middle - width / 2, middle + width / 2, tensor.shape)
    if tensor.dtype is DType.FLOAT32:
        return values.astype(np.float32)
    return np.clip(np.rint(values), -128, 127).astype(np.int8)


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_is_tflm(name: str) -> None:
    """Not only the outputs, which some models saturate on noise, but what every operator computed."""
    runtime = pytest.importorskip("tflite_micro", reason="no tflite-micro wheel for this platform").runtime
    path = model_path(name)
    graph = frontend.load(path)
    interpreter = runtime.Interpreter.from_file(
        str(path), arena_size=16 << 20, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
    )
    rng = np.random.default_rng(2024)
    computed = [ident for op in graph.ops for ident in op.outputs]  # ids are the file's tensor indices
    for sample in range(SAMPLES):
        inputs = [random_input(graph, graph.tensors[i], rng) for i in graph.inputs]
        for position, value in enumerate(inputs):
            interpreter.set_input(value, position)
        interpreter.invoke()
        values = reference.execute(graph, inputs)
        for ident in computed:
            expected = interpreter.GetTensor(ident, 0)["tensor_data"]
            assert values[ident].dtype == expected.dtype
            np.testing.assert_array_equal(values[ident], expected, err_msg=f"sample {sample}, tensor {ident}")


@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_is_the_reference(name: str) -> None:
    """Each operator's C kernel on the values it meets in the model, whole rows and in strips."""
    graph = frontend.load(model_path(name))
    rng = np.random.default_rng(7)
    values = reference.execute(graph, [random_input(graph, graph.tensors[i], rng) for i in graph.inputs])
    for op in graph.ops:
        record = TABLE[op.kind]
        if record.kernel is None:
            continue
        activations = [values[t.id] for t in record.operands(graph, op) if not t.is_constant]
        width = graph.result(op).hwc[1]
        for cuts in ((), (1, width // 2, width - 1)):
            result = compute(graph, op, activations, cuts)
            np.testing.assert_array_equal(result, values[op.outputs[0]], err_msg=f"{op.kind} {op.origin}")


def test_macs_of_visual_wake_words_are_as_published() -> None:
    graph = frontend.load(model_path("mlperf_tiny_vww"))
    assert sum(TABLE[op.kind].macs(graph, op) for op in graph.ops) == 7_489_664
