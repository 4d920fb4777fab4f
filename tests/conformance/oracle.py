"""The oracles: interpreters that run what `edgekit.export.tflite` writes.

TensorFlow Lite Micro is the `tflite-micro` wheel. Where it lacks an operator, it is LiteRT with its reference kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgekit.export import tflite
from edgekit_codegen.ir import Graph
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Lookup
from edgekit_codegen.ops.record import Oracle

ARENA_BYTES = 1 << 20


def answer(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The first output as the oracle of the graph's only operator computes it; skips where that is not installed."""
    oracles = {Oracle.TFLM: tflm, Oracle.LITERT: litert, Oracle.DEFINITION: looked_up}
    return oracles[TABLE[graph.ops[0].kind].oracle](graph, inputs)


def looked_up(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """What a `lookup` says, one value after the other."""
    attrs = graph.ops[0].attrs
    assert isinstance(attrs, Lookup)
    results = [byte - 256 if byte > 127 else byte for byte in attrs.table]
    return np.array([results[int(v) + 128] for v in inputs[0].reshape(-1)], np.int8)


def tflm(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The first output as TensorFlow Lite Micro computes it; skips the test where the wheel is absent."""
    return run_file(tflite.dump(graph), inputs, 1)[0]


def run_file(data: bytes, inputs: Sequence[npt.NDArray[Any]], outputs: int) -> list[npt.NDArray[Any]]:
    """The first outputs of a .tflite file; skips as above."""
    runtime = pytest.importorskip("tflite_micro", reason="no tflite-micro wheel for this platform").runtime
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES)
    for position, value in enumerate(inputs):
        interpreter.set_input(value, position)
    interpreter.invoke()
    return [np.array(interpreter.get_output(i)) for i in range(outputs)]


def litert(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The first output as LiteRT's reference kernels compute it; skips the test where the wheel is absent."""
    module = pytest.importorskip("ai_edge_litert.interpreter", reason="no ai-edge-litert wheel for this platform")
    interpreter = module.Interpreter(
        model_content=tflite.dump(graph), experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
