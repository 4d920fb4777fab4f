"""Every operator kind on its own: reference = TensorFlow Lite Micro, C kernel = reference, rules = what is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import conv_graphs
from support.kernel_runner import compute

from conformance.cases import CASES
from conformance.oracle import tflm
from edgekit_codegen import reference
from edgekit_codegen.ir import Box, DType, Tensor
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Overlap, Rows, Window

# Convolutions, fully connected layers and additions go through the same checks in test_ops_conv.py.
ELSEWHERE = ("conv2d", "depthwise_conv2d", "fully_connected", "add")
KERNELS = [kind for kind in CASES if TABLE[kind].kernel is not None]


def test_every_operator_is_compared_with_the_oracle() -> None:
    assert set(CASES) | {k for k in ELSEWHERE if hasattr(conv_graphs, k)} == set(TABLE)


@pytest.mark.parametrize("kind", CASES)
@given(data=st.data())
def test_reference_is_tflm(kind: str, data: st.DataObject) -> None:
    case = data.draw(CASES[kind](True))
    (result,) = reference.run(case.graph, case.inputs)
    out = case.graph.result(case.op)
    assert (result.shape, result.dtype) == (out.shape, out.dtype.numpy)
    np.testing.assert_array_equal(result.reshape(-1), tflm(case.graph, case.inputs).reshape(-1))


@pytest.mark.parametrize("kind", KERNELS)
@given(data=st.data())
def test_kernel_is_reference(kind: str, data: st.DataObject) -> None:
    """Also in strips: where a row is cut changes nothing."""
    case = data.draw(CASES[kind](False))
    cuts = data.draw(st.lists(st.integers(1, 12), max_size=3))
    (result,) = reference.run(case.graph, case.inputs)
    np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs, cuts), result)


@pytest.mark.parametrize("kind", [k for k in KERNELS if TABLE[k].overlap is Overlap.IN_PLACE])
@given(data=st.data())
def test_kernel_computes_in_place(kind: str, data: st.DataObject) -> None:
    """Where the record says so, the output row may lie on the input row."""
    case = data.draw(CASES[kind](False).filter(lambda c: c.inputs[0].dtype == np.int8))
    cuts = data.draw(st.lists(st.integers(1, 12), max_size=2))
    (result,) = reference.run(case.graph, case.inputs)
    np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs, cuts, in_place=0), result)


@pytest.mark.parametrize("kind", CASES)
@given(data=st.data())
def test_output_depends_on_no_more_than_its_input_boxes(kind: str, data: st.DataObject) -> None:
    """Scrambling the input outside the box of an output region leaves the region as it was."""
    case = data.draw(CASES[kind](False))
    graph, op = case.graph, case.op
    h, w, c = graph.result(op).hwc
    y0, x0, c0 = (data.draw(st.integers(0, n - 1)) for n in (h, w, c))
    y1, x1, c1 = (data.draw(st.integers(low + 1, n)) for low, n in ((y0, h), (x0, w), (c0, c)))
    boxes = TABLE[kind].input_boxes(graph, op, Box(y0, y1, x0, x1, c0, c1))
    operands = TABLE[kind].operands(graph, op)
    read = [box for box, operand in zip(boxes, operands, strict=True) if not operand.is_constant]
    scrambled = tuple(_scramble_outside(value, box, hwc(value)) for value, box in zip(case.inputs, read, strict=True))
    region = (slice(y0, y1), slice(x0, x1), slice(c0, c1))
    before, after = (reference.run(graph, v)[0].reshape(h, w, c)[region] for v in (case.inputs, scrambled))
    np.testing.assert_array_equal(before, after)


def hwc(value: npt.NDArray[Any]) -> tuple[int, int, int]:
    return Tensor(0, "", value.shape, DType.INT8).hwc


def _scramble_outside(value: npt.NDArray[Any], box: Box, view: tuple[int, int, int]) -> npt.NDArray[Any]:
    inside, other = box.clip(view), np.full_like(value, 77).reshape(view)
    if not inside.empty:
        window = (slice(inside.y0, inside.y1), slice(inside.x0, inside.x1), slice(inside.c0, inside.c1))
        other[window] = value.reshape(view)[window]
    return other.reshape(value.shape)


@pytest.mark.parametrize("kind", CASES)
@given(data=st.data())
def test_rows_of_the_access_are_rows_of_the_input_box(kind: str, data: st.DataObject) -> None:
    case = data.draw(CASES[kind](False))
    h, w, c = case.graph.result(case.op).hwc
    y = data.draw(st.integers(0, h - 1))
    access = TABLE[kind].access(case.graph, case.op)
    boxes = TABLE[kind].input_boxes(case.graph, case.op, Box(y, y + 1, 0, w, 0, c))
    for position, (read, operand) in enumerate(zip(boxes, TABLE[kind].operands(case.graph, case.op), strict=True)):
        if isinstance(access, Window):
            if access.images is None:
                first = y * access.stride - access.pad
                assert (read.y0, read.y1) == (first, first + (access.kernel - 1) * access.dilation + 1)
            else:
                top = y // access.images[2] * access.images[1]
                assert (read.y0, read.y1) == (top, top + access.images[1])
        elif isinstance(access, Rows):
            row = access.row(position, y)
            assert (read.y0, read.y1) == (row, row + 1)
        else:
            assert read == Box.of(operand.hwc)
