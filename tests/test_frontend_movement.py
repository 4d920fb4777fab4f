"""Operators that move elements in model files: what interpreters disagree about, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from conformance.movement_files import Array, FileTensor, Model, integers, model
from support.tflite_files import BUILTIN, FLOAT32

from edgekit.errors import Exit, ModelError
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Shape
from edgekit_codegen.reference import run

X = np.arange(24, dtype=np.int8).reshape(2, 3, 4)


def strided(x: Array, out: Shape, begin: Sequence[int], end: Sequence[int], step: Sequence[int], **masks: int) -> Model:
    inputs = [x, integers(*begin), integers(*end), integers(*step)]
    return model(BUILTIN.STRIDED_SLICE, inputs, [out], ("StridedSliceOptions", masks))


def value(case: Model) -> Array:
    (result,) = run(parse(case.file, "m"), case.inputs)
    return result


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (strided(X, (3, 4), [1], [0], [1], ShrinkAxisMask=1), X[1]),
        (strided(X, (2, 3, 2), [0, 1], [0, 3], [1, 1], EllipsisMask=1), X[..., 1:3]),
        (strided(X, (1, 2, 2, 4), [9, 0, 1], [9, 2, 3], [9, 1, 1], NewAxisMask=1), X[None, 0:2, 1:3]),
        (strided(X, (2, 3, 1, 4), [0, 9, 0], [0, 9, 4], [1, 1, 1], EllipsisMask=1, NewAxisMask=2), X[:, :, None, 0:4]),
        (strided(X, (1, 3, 4), [1], [1], [1], Offset=True), X[1:2]),
    ],
    ids=["leading", "ellipsis", "new axis", "both", "offset"],
)
def test_masks_that_the_oracle_ignores(case: Model, expected: Array) -> None:
    """TensorFlow's meaning: TensorFlow Lite Micro reads begin and end of every dimension and these masks not at all."""
    np.testing.assert_array_equal(value(case), expected)


def test_space_to_batch_borders_hold_the_zero_point() -> None:
    """As in LiteRT; what TensorFlow Lite Micro writes there is the value of a field that nothing sets."""
    x = np.arange(1, 13, dtype=np.int8).reshape(1, 3, 4, 1)
    case = model(BUILTIN.SPACE_TO_BATCH_ND, [x, integers(2, 2), integers(1, 0, 0, 2, shape=(2, 2))], [(4, 2, 3, 1)])
    padded = np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=3)  # the file's zero point
    blocks = padded.reshape(1, 2, 2, 3, 2, 1).transpose(2, 4, 0, 1, 3, 5)
    np.testing.assert_array_equal(value(case), blocks.reshape(4, 2, 3, 1))


FLOATS = FileTensor((1,), FLOAT32, np.zeros(1, np.float32).tobytes(), scale=None)
FLOATS_LIKE_X = FileTensor(X.shape, FLOAT32, X.astype(np.float32).tobytes(), scale=None)
OTHER = FileTensor((1,), data=b"\x01", scale=(0.25,), zero_point=(3,))
CONCATENATED = [X, FileTensor(X.shape, data=X.tobytes(), scale=(0.25,), zero_point=(3,))]
PADDED = [X, integers(0, 0, 0, 0, 1, 1)]
REFUSED: dict[str, tuple[Model, str]] = {
    "padding that does not fit": (model(BUILTIN.PAD, [X, integers(0, 0, 1, 1)], [X.shape]), "rank 3"),
    "padding shape": (model(BUILTIN.PAD, PADDED, [X.shape]), "should have shape [2, 3, 6]"),
    "padding value of another type": (model(BUILTIN.PADV2, [*PADDED, FLOATS], [(2, 3, 6)]), "float32"),
    "padding value of another scale": (model(BUILTIN.PADV2, [*PADDED, OTHER], [(2, 3, 6)]), "quantized otherwise"),
    "mirror beyond the tensor": (
        model(BUILTIN.MIRROR_PAD, [X, integers(2, 0, 0, 0, 0, 0)], [(4, 3, 4)], ("MirrorPadOptions", {})),
        "offers 1",
    ),
    "computed padding": (model(BUILTIN.PAD, [X, np.zeros((3, 2), np.int32)], [X.shape]), "computed by the model"),
    "fused activation": (
        model(BUILTIN.CONCATENATION, [X, X], [(4, 3, 4)], ("ConcatenationOptions", {"FusedActivationFunction": 1})),
        "fused activation relu",
    ),
    "concatenation of two scales": (
        model(BUILTIN.CONCATENATION, CONCATENATED, [(4, 3, 4)], ("ConcatenationOptions", {})),
        "has scale 0.25",
    ),
    "concatenation of other shapes": (
        model(BUILTIN.CONCATENATION, [X, X[:, :2]], [(4, 3, 4)], ("ConcatenationOptions", {})),
        "differ in more than dimension 0",
    ),
    "concatenation of floats": (
        model(BUILTIN.CONCATENATION, [X, FLOATS_LIKE_X], [(4, 3, 4)], ("ConcatenationOptions", {})),
        "is not int8",
    ),
    "split in unequal parts": (
        model(BUILTIN.SPLIT, [integers(1), X], [(2, 1, 4), (2, 2, 4)], ("SplitOptions", {"NumSplits": 2})),
        "equal parts",
    ),
    "split of another size": (
        model(BUILTIN.SPLIT_V, [X, integers(1, 1), integers(1)], [(2, 1, 4)] * 2, ("SplitVOptions", {})),
        "sizes [1, 1]",
    ),
    "slice outside": (model(BUILTIN.SLICE, [X, integers(0, 2, 0), integers(2, 2, 4)], [(2, 2, 4)]), "no 2 elements"),
    "slice of nothing": (strided(X, (2, 3, 4), [1], [1], [1]), "takes nothing of dimension 0"),
    "slice of too many dimensions": (strided(X, X.shape, [0] * 4, [1] * 4, [1] * 4), "4 dimensions are taken"),
    "slice without steps": (strided(X, X.shape, [0], [1], [0]), "strides [0]"),
    "element outside": (strided(X, (3, 4), [2], [3], [1], ShrinkAxisMask=1), "element 2 of 2"),
    "squeeze of a larger dimension": (
        model(BUILTIN.SQUEEZE, [X], [(3, 4)], ("SqueezeOptions", {"SqueezeDims": (0,)})),
        "not all of them of size 1",
    ),
    "axis outside": (model(BUILTIN.EXPAND_DIMS, [X, integers(4)], [(2, 3, 4, 1)]), "no dimension 4"),
    "gather outside": (
        model(BUILTIN.GATHER, [X, integers(0, 2)], [X.shape], ("GatherOptions", {})),
        "indices 0 to 2 of 2 elements",
    ),
    "gather of batches": (
        model(BUILTIN.GATHER, [X, integers(0, 1)], [X.shape], ("GatherOptions", {"BatchDims": 1})),
        "batch dimensions",
    ),
    "blocks of depth": (
        model(BUILTIN.DEPTH_TO_SPACE, [X[None]], [(1, 4, 6, 1)], ("DepthToSpaceOptions", {"BlockSize": 3})),
        "3x3 do not divide 4 channels",
    ),
    "blocks of space": (
        model(BUILTIN.SPACE_TO_DEPTH, [X[None]], [(1, 1, 1, 16)], ("SpaceToDepthOptions", {"BlockSize": 2})),
        "do not divide 2x3",
    ),
    "broadcast of other sizes": (
        model(BUILTIN.BROADCAST_TO, [X, integers(2, 6, 4)], [(2, 6, 4)]),
        "does not broadcast",
    ),
    "transpose of rank 7": (
        model(BUILTIN.TRANSPOSE, [np.zeros((2,) * 7, np.int8), integers(1, 0, 2, 3, 4, 5, 6)], [(2,) * 7]),
        "more than 6 dimensions",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_the_operator_and_what_is_wrong(name: str) -> None:
    case, words = REFUSED[name]
    with pytest.raises(ModelError) as error:
        parse(case.file, "m")
    assert error.value.message.startswith("operator 0 ") and words in error.value.message
    assert error.value.exit is Exit.MODEL


def test_a_two_way_split_uses_no_more_than_slices() -> None:
    options: tuple[str, Mapping[str, Any]] = ("SplitOptions", {"NumSplits": 2})
    graph = parse(model(BUILTIN.SPLIT, [integers(2), X], [(2, 3, 2)] * 2, options).file, "m")
    assert [op.kind for op in graph.ops] == ["strided_slice"] * 2
