"""Every operator kind on its own: reference = TensorFlow Lite Micro, C kernel = reference, rules = what is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conv_graphs import Case
from support.kernel_runner import compute

from conformance.cases import CASES
from conformance.oracle import answer
from conformance.tally import Tally
from edgekit.frontend.operators import TRANSLATIONS
from edgekit.frontend.operators.record import kinds_of
from edgekit_codegen import reference
from edgekit_codegen.ir import Box, DType, Tensor
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Overlap, Rows, Window

KERNELS = [kind for kind in CASES if TABLE[kind].kernel is not None]
IN_FILES = {kind for name, translation in TRANSLATIONS.items() for kind in kinds_of(name, translation)}  # not lookup


def test_every_operator_is_compared_with_the_oracle() -> None:
    assert set(CASES) == set(TABLE)


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind in IN_FILES])
def test_oracle_reference_and_kernel_agree(kind: str, tally: Tally) -> None:
    """For every combination of types that the record declares, and no other."""
    types: set[str] = set()

    def check(case: Case) -> None:
        (result,) = reference.run(case.graph, case.inputs)
        out = case.graph.result(case.op)
        assert (result.shape, result.dtype) == (out.shape, out.dtype.numpy)
        types.add(_types(case.graph.operand(case.op, 0).dtype, out.dtype))
        np.testing.assert_array_equal(result.reshape(-1), answer(case.graph, case.inputs).reshape(-1))
        if kind in KERNELS:
            np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs), result)

    tally.each(kind, ("oracle",), CASES[kind](True), check)
    assert types == set(TABLE[kind].types)


def _types(first: DType, out: DType) -> str:
    return first.value if first is out else f"{first.value} to {out.value}"


@pytest.mark.parametrize("kind", KERNELS)
def test_kernel_is_reference(kind: str, tally: Tally) -> None:
    """Also in strips: where a row is cut changes nothing."""

    def check(drawn: tuple[Case, list[int]]) -> None:
        case, cuts = drawn
        (result,) = reference.run(case.graph, case.inputs)
        np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs, cuts), result)

    cuts = st.lists(st.integers(1, 12), max_size=3)
    tally.each(kind, ("kernel",), st.tuples(CASES[kind](False), cuts), check)


@pytest.mark.parametrize("kind", [k for k in KERNELS if TABLE[k].overlap is Overlap.IN_PLACE])
@given(data=st.data())
def test_kernel_computes_in_place(kind: str, data: st.DataObject) -> None:
    """Where the record says so, the output row may lie on the input row."""
    case = data.draw(CASES[kind](False).filter(lambda c: hosts(c) != []))
    cuts = data.draw(st.lists(st.integers(1, 12), max_size=2))
    (result,) = reference.run(case.graph, case.inputs)
    for position in hosts(case):
        np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs, cuts, in_place=position), result)


def hosts(case: Case) -> list[int]:
    """The operands whose rows the output's rows may overwrite: of its type, in memory, of which row y reads row y."""
    operands, out = TABLE[case.op.kind].operands(case.graph, case.op), case.graph.result(case.op)
    access = TABLE[case.op.kind].access(case.graph, case.op)
    assert isinstance(access, Rows)
    fitting = [t.dtype is out.dtype and not t.is_constant and t.hwc == out.hwc for t in operands]
    return [i for i, rows in enumerate(access.maps) if rows is None and fitting[i]]


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
                rows = access.rows(y)
                assert (read.y0, read.y1) == (rows[0], rows[-1] + 1)
            else:
                top = y // access.images[2] * access.images[1]
                assert (read.y0, read.y1) == (top, top + access.images[1])
        elif isinstance(access, Rows):
            row = access.row(position, y)
            assert (read.y0, read.y1) == (row, row + 1)
        else:
            assert read == Box.of(operand.hwc)
