"""A model whose output is an index: int32 from the file to the device's answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.graph_builder import GraphBuilder
from support.toolchains import require

from edgekit import api
from edgekit.api.device import chosen
from edgekit.export import tflite
from edgekit_codegen import reference
from edgekit_codegen.ir import DType, Graph, Op, Tensor
from edgekit_codegen.ops.attributes import ArgMax

X = np.random.default_rng(4).integers(-128, 128, (1, 6, 5, 2)).astype(np.int8)


def model() -> Graph:
    b = GraphBuilder()
    scores = b.graph(b.mean(b.conv2d(b.input(X.shape), 9), (1, 2)))
    ident = max(scores.tensors) + 1
    tensors = {**scores.tensors, ident: Tensor(ident, "class", (1,), DType.INT32)}
    op = Op("arg_max", scores.outputs, (ident,), ArgMax(1), (len(scores.ops),))
    return Graph("index", tensors, (*scores.ops, op), scores.inputs, (ident,))


@pytest.mark.parametrize("board", ["host", "stm32f746g-disco"])
def test_the_index_arrives_as_int32(board: str, tmp_path: Path) -> None:
    if board != "host":
        require("gnu")
    graph, file = model(), tmp_path / "index.tflite"
    file.write_bytes(tflite.dump(graph))
    np.save(tmp_path / "x.npy", X)
    api.build(file, board=board, out=tmp_path / "build")
    out = tmp_path / "class.npy"
    ran = api.run(tmp_path / "build", inputs=[tmp_path / "x.npy"], output=out, emulate=board != "host")
    answer, (expected,) = np.load(out), reference.run(graph, (X,))
    assert ran.profile.output_matches_reference
    assert (answer.dtype, answer.shape, int(answer[0])) == (np.dtype(np.int32), (1,), int(expected[0]))
    assert int(expected[0]) > 0


def test_the_class_is_the_index_itself() -> None:
    """As accuracy is counted: not the place of the largest of one element, which is always the first."""
    assert chosen(np.array([7], np.int32)) == 7
    assert chosen(np.array([[-3, 9, 4]], np.int8)) == 1
