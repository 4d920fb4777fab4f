"""One model of many operators, from float32 to float32: TensorFlow Lite Micro = reference = generated C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import host_model, plans

from conformance.cases.drawing import quant
from conformance.cases.products import SOFTMAX_OUT
from conformance.oracle import tflm
from edgekit_codegen import reference
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import (
    Dequantize,
    Mean,
    Pad,
    Padding,
    Pool2D,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Transpose,
)

WIDE, NARROW, LOGITS = quant(0.05, -20), quant(0.031, -128), quant(0.07, 11)
LAYERS: tuple[tuple[str, Attrs, Shape, Quant | None], ...] = (
    ("quantize", Quantize(), (1, 9, 7, 5), WIDE),
    ("pad", Pad(((0, 0), (1, 2), (0, 3), (0, 0))), (1, 12, 10, 5), WIDE),
    ("max_pool2d", Pool2D((3, 2), (2, 2)), (1, 5, 5, 5), WIDE),
    ("relu", Relu(Activation.RELU), (1, 5, 5, 5), NARROW),
    ("average_pool2d", Pool2D((3, 3), (2, 2), Padding(1, 1, 1, 1), Activation.RELU6), (1, 3, 3, 5), NARROW),
    ("transpose", Transpose((0, 3, 1, 2)), (1, 5, 3, 3), NARROW),
    ("mean", Mean((3,), False), (1, 5, 3), LOGITS),
    ("reshape", Reshape(), (1, 15), LOGITS),
    ("quantize", Quantize(), (1, 15), quant(0.02, -100)),
    ("softmax", Softmax(), (1, 15), SOFTMAX_OUT),
    ("dequantize", Dequantize(), (1, 15), None),
)


def chain() -> Graph:
    """The layers one after the other, from float32 to float32."""
    tensors = {0: Tensor(0, "camera", (1, 9, 7, 5), DType.FLOAT32)}
    ops = []
    for i, (kind, attrs, shape, quantization) in enumerate(LAYERS):
        dtype = DType.FLOAT32 if quantization is None else DType.INT8
        tensors[i + 1] = Tensor(i + 1, f"{kind}_{i}", shape, dtype, quantization)
        ops.append(Op(kind, (i,), (i + 1,), attrs, (i,)))
    return verify(Graph("chain", tensors, tuple(ops), (0,), (len(ops),)), "the test")


def test_chain(tmp_path: Path) -> None:
    graph = chain()
    plan = plans.plan(graph, plans.HOST)
    validate(graph, plan, plans.HOST)
    model = host_model.build(emit(graph, plan, plans.HOST), graph, tmp_path, optimize="-O2")
    rng = np.random.default_rng(11)
    inputs = [[(3 * rng.standard_normal((1, 9, 7, 5))).astype(np.float32)] for _ in range(20)]
    answers = set()
    for values, answer in zip(inputs, model.run(inputs), strict=True):
        (result,) = reference.run(graph, values)
        np.testing.assert_array_equal(result, tflm(graph, values))
        np.testing.assert_array_equal(np.frombuffer(answer, np.float32).reshape(result.shape), result)
        answers.add(answer)
    assert len(answers) == len(inputs)  # the layers keep what the inputs tell apart
