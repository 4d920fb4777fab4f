"""The executor: every tensor's value in order, and what it says to wrong inputs."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from support.kernel_runner import HEADERS

from edgekit_codegen import reference
from edgekit_codegen.ir import DType, Graph, Op, Quant, Tensor
from edgekit_codegen.ops import linear
from edgekit_codegen.ops.attributes import Add


def tensor(ident: int, name: str) -> Tensor:
    return Tensor(ident, name, (1, 4), DType.INT8, Quant((0.5,), (0,)))


def chain() -> Graph:
    """s = a + b, t = s + a; outputs t, s."""
    ops = (Op("add", (0, 1), (2,), Add()), Op("add", (2, 0), (3,), Add()))
    return Graph("chain", {i: tensor(i, name) for i, name in enumerate("abst")}, ops, (0, 1), (3, 2))


A, B = np.array([[1, 2, 3, 100]], np.int8), np.array([[10, -20, 30, 60]], np.int8)


def test_outputs_come_in_the_graph_s_order() -> None:
    t, s = reference.run(chain(), (A, B))
    assert s.tolist() == [[11, -18, 33, 127]]
    assert t.tolist() == [[12, -16, 36, 127]]


def test_execute_keeps_every_value() -> None:
    values = reference.execute(chain(), (A, B))
    assert {i: v.tolist()[0][0] for i, v in values.items()} == {0: 1, 1: 10, 2: 11, 3: 12}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((A,), "chain has 2 inputs, got 1"),
        ((A, B[0]), "input b is int8[1, 4], got int8[4]"),
        ((A.astype(np.float32), B), "input a is int8[1, 4], got float32[1, 4]"),
    ],
)
def test_wrong_inputs_are_named(inputs: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        reference.run(chain(), inputs)


def test_inputs_need_not_be_contiguous() -> None:
    wide = np.zeros((1, 8), np.int8)
    wide[:, ::2] = A
    np.testing.assert_array_equal(reference.run(chain(), (wide[:, ::2], B))[0], reference.run(chain(), (A, B))[0])


def test_weights_are_packed_in_the_kernels_tiles() -> None:
    header = (HEADERS / "kernels" / "ek_dot.h").read_text()
    assert f"#define EK_TILE {linear.TILE}\n" in header
    matrix = np.arange(18, dtype=np.int8).reshape(6, 3)
    assert linear.pack(matrix).tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 12, 13, 14, 15, 16, 17]


def test_constants_are_values_too() -> None:
    graph = chain()
    constant = replace(tensor(1, "b"), data=B)
    fixed = replace(graph, tensors={**graph.tensors, 1: constant}, inputs=(0,))
    np.testing.assert_array_equal(reference.run(fixed, (A,))[1], reference.run(graph, (A, B))[1])
