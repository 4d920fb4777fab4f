"""One model of every operator that moves elements: TensorFlow Lite Micro = reference = generated C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import host_model, plans

from conformance.cases import movement
from conformance.cases.drawing import quant
from conformance.oracle import tflm
from edgekit_codegen import passes, reference
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Attrs, DType, Graph, Op, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import (
    Concatenation,
    Gather,
    MirrorPad,
    Pad,
    Reshape,
    StridedSlice,
    Tile,
    Transpose,
)

Q = quant(0.05, -20)
IMAGE, INDICES, COLUMN = 0, 1, 2  # two inputs and a constant
BEGIN = {
    IMAGE: Tensor(IMAGE, "image", (1, 6, 5, 4), DType.INT8, Q),
    INDICES: Tensor(INDICES, "indices", (1, 1, 3), DType.INT32),
    COLUMN: Tensor(COLUMN, "column", (1, 6, 1, 4), DType.INT8, Q, np.arange(24, dtype=np.int8).reshape(1, 6, 1, 4)),
}
LAYERS: tuple[tuple[str, tuple[int, ...], Attrs, Shape], ...] = (
    ("strided_slice", (0,), StridedSlice((0, 5, 4, 3), (1, 6, 2, 4), (1, -1, -3, -1)), (1, 6, 2, 4)),  # 3
    ("strided_slice", (0,), StridedSlice((0, 4, 0, 1), (1, 1, 3, 1), (1, 1, 2, 1)), (1, 1, 3, 1)),  # 4
    ("tile", (4,), Tile((1, 6, 1, 4)), (1, 6, 3, 4)),  # 5
    ("concatenation", (0, 2, 3, 5, 0), Concatenation(2), (1, 6, 16, 4)),  # 6
    ("gather", (6, 1), Gather(), (1, 6, 1, 3, 4)),  # 7
    ("reshape", (7,), Reshape(), (1, 6, 3, 4)),  # 8
    ("mirror_pad", (8,), MirrorPad(((0, 0), (2, 1), (1, 2), (0, 3)), False), (1, 9, 6, 7)),  # 9
    ("transpose", (9,), Transpose((2, 0, 3, 1)), (6, 1, 7, 9)),  # 10
    ("pad", (10,), Pad(((1, 0), (0, 0), (0, 2), (3, 0)), 77), (7, 1, 9, 12)),  # 11
    ("pad", (11,), Pad(((0, 0), (1, 1), (0, 0), (0, 0))), (7, 3, 9, 12)),  # 12
    ("concatenation", (12, 12), Concatenation(3), (7, 3, 9, 24)),  # 13
)


def model() -> Graph:
    tensors = dict(BEGIN)
    ops = []
    for i, (kind, inputs, attrs, shape) in enumerate(LAYERS, start=len(BEGIN)):
        tensors[i] = Tensor(i, f"{kind}_{i}", shape, DType.INT8, Q)
        ops.append(Op(kind, inputs, (i,), attrs, (i,)))
    return verify(Graph("moves", tensors, tuple(ops), (IMAGE, INDICES), (len(tensors) - 1,)), "the test")


def test_the_model_holds_every_operator() -> None:
    assert {kind for kind, *_ in LAYERS} == set(movement.CASES)


def test_generated_c_moves_what_the_oracle_moves(tmp_path: Path) -> None:
    graph = model()
    optimized = passes.optimize(graph).graph
    plan = plans.plan(optimized, plans.HOST)
    validate(optimized, plan, plans.HOST)
    built = host_model.build(emit(optimized, plan, plans.HOST), optimized, tmp_path, optimize="-O2")
    rng = np.random.default_rng(11)
    shape = BEGIN[IMAGE].shape
    inputs = [
        [rng.integers(-128, 128, shape).astype(np.int8), rng.integers(0, 16, (1, 1, 3)).astype(np.int32)]
        for _ in range(20)
    ]
    for values, answer in zip(inputs, built.run(inputs), strict=True):
        (result,) = reference.run(graph, values)
        np.testing.assert_array_equal(result, tflm(graph, values))
        np.testing.assert_array_equal(np.frombuffer(answer, np.int8).reshape(result.shape), result)
