"""What the records of the operators that move elements say and refuse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from conformance.cases.drawing import quant

from edgekit_codegen.errors import CodegenError, IllegalGraph, UnsupportedModel
from edgekit_codegen.ir import Attrs, Box, DType, Graph, Op, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Concatenation, Gather, MirrorPad, Pad, StridedSlice, Tile, Transpose
from edgekit_codegen.ops.record import Access, RowMap, Rows, Whole, Window

IMAGE: Shape = (1, 8, 6, 4)
Q = quant(0.5, -3)


@dataclass(frozen=True)
class Single:
    """A legal operator over int8 tensors of one quantization; a constant is an int32 table."""

    kind: str
    attrs: Attrs
    inputs: tuple[Shape, ...]
    out: Shape
    table: tuple[int, ...] | None = None
    changes: tuple[tuple[int, dict[str, Any]], ...] = ()

    def change(self, position: int, **fields: Any) -> Single:
        """Other fields of a tensor; the output is the last."""
        return replace(self, changes=(*self.changes, (position, fields)))

    def graph(self) -> Graph:
        tensors = [Tensor(i, f"x_{i}", shape, DType.INT8, Q) for i, shape in enumerate(self.inputs)]
        if self.table is not None:
            data = np.array([[self.table]], np.int32)
            tensors.append(Tensor(len(tensors), "table", data.shape, DType.INT32, None, data))
        tensors.append(Tensor(len(tensors), "result", self.out, DType.INT8, Q))
        for position, fields in self.changes:
            tensors[position] = replace(tensors[position], **fields)
        *inputs, out = (t.id for t in tensors)
        free = tuple(i for i in inputs if tensors[i].data is None)
        op = Op(self.kind, tuple(inputs), (out,), self.attrs, (7,))
        return Graph("one", {t.id: t for t in tensors}, (op,), free, (out,))


LEGAL = {
    "batches": Single("pad", Pad(((1, 2), (0, 0), (1, 0), (0, 0))), ((2, 3, 4, 5),), (5, 3, 5, 5)),
    "rows": Single("pad", Pad(((0, 0), (1, 2), (1, 0), (0, 1)), 9), ((2, 3, 4, 5),), (2, 6, 5, 6)),
    "mirror_pad": Single("mirror_pad", MirrorPad(((0, 0), (1, 2), (5, 0), (0, 3)), False), (IMAGE,), (1, 11, 11, 7)),
    "channels": Single("concatenation", Concatenation(3), (IMAGE, (1, 8, 6, 2)), (1, 8, 6, 6)),
    "pixels": Single("concatenation", Concatenation(2), (IMAGE, (1, 8, 3, 4)), (1, 8, 9, 4)),
    "slice": Single("strided_slice", StridedSlice((0, 6, 1, 3), (1, 3, 2, 2), (1, -2, 3, -1)), (IMAGE,), (1, 3, 2, 2)),
    "transpose": Single("transpose", Transpose((1, 0, 3, 2)), (IMAGE,), (8, 1, 4, 6)),
    "gather": Single("gather", Gather(), (IMAGE,), (1, 8, 1, 3, 4), table=(5, 0, 5)),
    "tile": Single("tile", Tile((2, 3, 1, 2)), (IMAGE,), (2, 24, 6, 8)),
}


def refuse(single: Single) -> CodegenError:
    """The error, which names the operator and where it stands in the model."""
    with pytest.raises((IllegalGraph, UnsupportedModel)) as caught:
        verify(single.graph(), "the test")
    assert f"{single.kind} (operator 7" in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", LEGAL)
def test_legal_operators_verify(name: str) -> None:
    verify(LEGAL[name].graph(), "the test")


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("dtype", [DType.INT16, DType.INT32, DType.FLOAT32])
def test_other_types_are_refused_by_name(name: str, dtype: DType) -> None:
    error = refuse(LEGAL[name].change(0, dtype=dtype, quant=None))
    assert isinstance(error, UnsupportedModel) and "int8" in error.hint
    assert "x_0" in error.message and dtype.value in error.message


@pytest.mark.parametrize("name", LEGAL)
def test_both_ends_need_one_quantization(name: str) -> None:
    for other in (quant(0.5, -2), quant(0.51, -3)):
        error = refuse(LEGAL[name].change(-1, quant=other))
        assert isinstance(error, UnsupportedModel) and "alike" in error.hint


def test_every_part_of_a_concatenation_needs_exactly_the_output_s_quantization() -> None:
    near = quant(float(np.nextafter(np.float32(0.5), np.float32(1))), -3)
    error = refuse(LEGAL["channels"].change(1, quant=near))
    assert isinstance(error, UnsupportedModel) and "x_1" in error.message


@pytest.mark.parametrize(
    ("name", "attrs", "words"),
    [
        ("rows", Pad(((1, 0), (1, 0), (0, 0), (0, 0))), "one after the other"),
        ("rows", Pad(((0, 0), (-1, 0), (0, 0), (0, 0))), "0 or more"),
        ("rows", Pad(((0, 0),) * 3), "two per dimension"),
        ("rows", Pad(((0, 0), (1, 2), (1, 0), (0, 1)), 128), "no int8"),
        ("mirror_pad", MirrorPad(((0, 0), (8, 0), (0, 0), (0, 0)), False), "offers 7"),
        ("mirror_pad", MirrorPad(((0, 0), (9, 0), (0, 0), (0, 0)), True), "offers 8"),
        ("channels", Concatenation(1), "last two"),
        ("channels", Concatenation(4), "last two"),
        ("channels", Concatenation(2), "differ in more"),
        ("slice", StridedSlice((0, 0, 0, 0), (1, 8, 6, 5), (1, 1, 1, 1)), "no 5 elements"),
        ("slice", StridedSlice((0, 8, 0, 0), (1, 1, 6, 4), (1, 1, 1, 1)), "from 8"),
        ("slice", StridedSlice((0, 0, 0, 0), (1, 2, 6, 4), (1, -1, 1, 1)), "steps of -1"),
        ("slice", StridedSlice((0, 0, 0, 0), (1, 1, 6, 4), (1, 0, 1, 1)), "steps of 0"),
        ("slice", StridedSlice((0, 0, 0), (1, 8, 6), (1, 1, 1)), "per dimension"),
        ("transpose", Transpose((0, 1, 2, 2)), "order of the dimensions"),
        ("tile", Tile((1, 0, 1, 1)), "1 or more"),
        ("tile", Tile((1, 1, 1)), "per dimension"),
    ],
)
def test_broken_attributes_are_illegal(name: str, attrs: Attrs, words: str) -> None:
    error = refuse(replace(LEGAL[name], attrs=attrs))
    assert isinstance(error, IllegalGraph) and words in error.message + error.hint


def test_indices_are_int32_and_lie_in_the_tensor() -> None:
    for table in ((5, 6), (-1, 0)):
        assert isinstance(refuse(replace(LEGAL["gather"], table=table, out=(1, 8, 1, 2, 4))), IllegalGraph)
    wide = {"dtype": DType.INT64, "data": None}
    assert "int32" in refuse(LEGAL["gather"].change(1, **wide)).hint


@pytest.mark.parametrize("kind", ["mirror_pad", "transpose"])
def test_kernels_of_whole_tensors_have_room_for_six_dimensions(kind: str) -> None:
    attrs = {"mirror_pad": MirrorPad(((0, 0),) * 7, True), "transpose": Transpose((1, 0, 2, 3, 4, 5, 6))}[kind]
    shape = (2,) * 7
    error = refuse(Single(kind, attrs, (shape,), shape))
    assert isinstance(error, UnsupportedModel) and "6 dimensions" in error.message


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("batches", Window(1, 1, 1, 3)),
        ("rows", Window(1, 1, 1, 1, images=(2, 3, 6))),
        ("mirror_pad", Whole()),
        ("channels", Rows((None, None))),
        ("slice", Rows((RowMap(((1, 3, -2),), 6),))),
        ("transpose", Whole()),
        ("gather", Rows((None, RowMap(())))),
        ("tile", Rows((RowMap(((1, 8, 1),)),))),
    ],
)
def test_access(name: str, access: Access) -> None:
    graph = LEGAL[name].graph()
    assert TABLE[graph.ops[0].kind].access(graph, graph.ops[0]) == access


@pytest.mark.parametrize(
    ("name", "boxes"),
    [
        ("batches", (Box(-3, -1, 0, 2, 1, 2),)),
        ("rows", (Box(0, 3, 0, 2, 1, 2),)),
        ("channels", (Box(0, 2, 1, 3, 1, 2), Box(0, 2, 1, 3, -3, -2))),
        ("pixels", (Box(0, 2, 1, 3, 1, 2), Box(0, 2, -5, -3, 1, 2))),
        ("slice", (Box(4, 7, 4, 8, 2, 3),)),
        ("gather", (Box(0, 2, 0, 6, 1, 2), Box(0, 1, 0, 1, 1, 3))),
        ("tile", (Box(0, 2, 1, 3, 1, 2),)),
    ],
)
def test_input_boxes(name: str, boxes: tuple[Box, ...]) -> None:
    graph = LEGAL[name].graph()
    assert TABLE[graph.ops[0].kind].input_boxes(graph, graph.ops[0], Box(0, 2, 1, 3, 1, 2)) == boxes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("batches", "batch 1+2, pixels 1+0"),
        ("rows", "rows 1+2, pixels 1+0, channels 0+1, with 9"),
        ("mirror_pad", "reflect, rows 1+2, pixels 5+0, channels 0+3"),
        ("channels", "2 along channels"),
        ("pixels", "2 along pixels"),
        ("slice", "[:, 6:0:-2, 1:7:3, 3:1:-1]"),
        ("transpose", "by 1, 0, 3, 2"),
        ("gather", "3 of 6"),
        ("tile", "2x3x1x2 times"),
    ],
)
def test_describe(name: str, words: str) -> None:
    graph = LEGAL[name].graph()
    assert TABLE[graph.ops[0].kind].describe(graph, graph.ops[0]) == words
