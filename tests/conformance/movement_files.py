"""Model files of one operator that moves elements, as converters write them, with values for their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from support.tflite_files import BUILTIN, INT8, INT32, File, FileOperator, FileTensor

from edgekit_codegen.ir import Shape

from .cases.drawing import values
from .cases.movement import any_rank

Array = npt.NDArray[Any]
SMALL = st.integers(1, 4)


@dataclass(frozen=True)
class Model:
    """numpy: the outputs by NumPy, where the oracle has no such operator; None where it has."""

    file: bytes
    inputs: tuple[Array, ...]
    numpy: tuple[Array, ...] | None = None


def integers(*numbers: int, shape: Sequence[int] | None = None) -> FileTensor:
    data = np.array(numbers, np.int32)
    return FileTensor((len(numbers),) if shape is None else shape, INT32, data.tobytes(), scale=None)


def model(
    builtin: int,
    inputs: Sequence[Array | FileTensor],
    outputs: Sequence[Shape],
    options: tuple[str, Mapping[str, Any]] | None = None,
    numpy: Sequence[Array] | None = None,
) -> Model:
    """inputs: arrays are computed activations, file tensors constants; by position of the operator."""
    tensors = [
        t if isinstance(t, FileTensor) else FileTensor(t.shape, INT8 if t.dtype == np.int8 else INT32, zero_point=(3,))
        for t in inputs
    ] + [FileTensor(shape, zero_point=(3,)) for shape in outputs]
    given = [i for i, t in enumerate(inputs) if not isinstance(t, FileTensor)]
    results = range(len(inputs), len(tensors))
    operator = FileOperator(builtin, range(len(inputs)), results, options)
    return Model(
        File(tensors, [operator], given, results).write(),
        tuple(t for t in inputs if not isinstance(t, FileTensor)),
        None if numpy is None else tuple(numpy),
    )


def split_at(shape: Shape, axis: int, sizes: Sequence[int]) -> list[Shape]:
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


@st.composite
def pad(draw: st.DrawFn) -> Model:
    """Any dimensions."""
    x = draw(values(draw(any_rank(5, SMALL))))
    amounts = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in x.shape]
    flat = integers(*(n for pair in amounts for n in pair), shape=(len(amounts), 2))
    out = tuple(d + sum(pair) for d, pair in zip(x.shape, amounts, strict=True))
    if draw(st.booleans()):
        return model(BUILTIN.PAD, [x, flat], [out])
    value = draw(values((1,)))
    return model(BUILTIN.PADV2, [x, flat, FileTensor((1,), data=value.tobytes(), zero_point=(3,))], [out])


@st.composite
def mirror_pad(draw: st.DrawFn) -> Model:
    x, symmetric = draw(values(draw(any_rank(4, SMALL)))), draw(st.booleans())
    amounts = [(draw(st.integers(0, d - 1)), draw(st.integers(0, d - 1))) for d in x.shape]
    flat = integers(*(n for pair in amounts for n in pair), shape=(len(amounts), 2))
    out = tuple(d + sum(pair) for d, pair in zip(x.shape, amounts, strict=True))
    return model(BUILTIN.MIRROR_PAD, [x, flat], [out], ("MirrorPadOptions", {"Mode": int(symmetric)}))


@st.composite
def concatenation(draw: st.DrawFn) -> Model:
    """Any axis, counted from either end; some inputs are constant."""
    shape = draw(any_rank(5, SMALL))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = [draw(values(s)) for s in split_at(shape, axis, draw(st.lists(SMALL, min_size=1, max_size=9)))]
    inputs: list[Array | FileTensor] = [parts[0]]
    for part in parts[1:]:
        fixed = draw(st.booleans())
        inputs.append(FileTensor(part.shape, data=part.tobytes(), zero_point=(3,)) if fixed else part)
    out = np.concatenate(parts, axis).shape
    options = {"Axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    return model(BUILTIN.CONCATENATION, inputs, [out], ("ConcatenationOptions", options))


@st.composite
def pack(draw: st.DrawFn) -> Model:
    shape, count = draw(any_rank(4, SMALL)), draw(st.integers(1, 4))
    axis = draw(st.integers(0, len(shape)))
    parts = [draw(values(shape)) for _ in range(count)]
    options = {"Axis": draw(st.sampled_from([axis, axis - len(shape) - 1])), "ValuesCount": count}
    return model(BUILTIN.PACK, parts, [(*shape[:axis], count, *shape[axis:])], ("PackOptions", options))


@st.composite
def unpack(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(4, SMALL).filter(lambda s: len(s) > 1))))
    axis = draw(st.integers(0, x.ndim - 1))
    options = {"Axis": draw(st.sampled_from([axis, axis - x.ndim])), "Num": x.shape[axis]}
    outputs = [x.shape[:axis] + x.shape[axis + 1 :]] * x.shape[axis]
    return model(BUILTIN.UNPACK, [x], outputs, ("UnpackOptions", options))


@st.composite
def split(draw: st.DrawFn) -> Model:
    shape, count = draw(any_rank(5, SMALL)), draw(st.integers(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    x = draw(values((*shape[:axis], shape[axis] * count, *shape[axis + 1 :])))
    outputs = split_at(shape, axis, [shape[axis]] * count)
    given = integers(draw(st.sampled_from([axis, axis - len(shape)])), shape=())
    return model(BUILTIN.SPLIT, [given, x], outputs, ("SplitOptions", {"NumSplits": count}))


@st.composite
def split_v(draw: st.DrawFn) -> Model:
    shape, sizes = draw(any_rank(5, SMALL)), draw(st.lists(SMALL, min_size=1, max_size=4))
    axis = draw(st.integers(0, len(shape) - 1))
    x = draw(values(split_at(shape, axis, [sum(sizes)])[0]))
    written = [*sizes[:-1], -1] if draw(st.booleans()) else sizes
    inputs = [x, integers(*written), integers(axis, shape=())]
    return model(BUILTIN.SPLIT_V, inputs, split_at(shape, axis, sizes), ("SplitVOptions", {"NumSplits": len(sizes)}))


@st.composite
def slices(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(5))))
    begin = [draw(st.integers(0, d - 1)) for d in x.shape]
    size = [draw(st.integers(1, d - b)) for d, b in zip(x.shape, begin, strict=True)]
    return model(BUILTIN.SLICE, [x, integers(*begin), integers(*size)], [tuple(size)])


@st.composite
def strided_slice(draw: st.DrawFn) -> Model:
    """Bounds on either side of the tensor, with masks."""
    x = draw(values(draw(any_rank(4))))
    numbers, masks, where, out = [], [0, 0, 0], [], []
    for i, size in enumerate(x.shape):
        begin, end = draw(st.integers(-size - 2, size + 2)), draw(st.integers(-size - 2, size + 2))
        step, (open_begin, open_end) = (
            draw(st.sampled_from([1, 1, 2, 3, -1, -2])),
            draw(st.tuples(*[st.booleans()] * 2)),
        )
        index = slice(None if open_begin else begin, None if open_end else end, step)
        if not len(range(*index.indices(size))):
            begin, open_begin, open_end = draw(st.integers(-size, size - 1)), False, True
            index = slice(begin, None, step)
        if draw(st.integers(0, 4)) == 0:
            begin = draw(st.integers(-size, size - 1))
            masks[2] |= 1 << i
            open_begin, step, index = False, 1, slice(begin % size, begin % size + 1)
        else:
            out.append(len(range(*index.indices(size))))
        masks[0] |= open_begin << i
        masks[1] |= open_end << i
        numbers.append((begin, end, step))
        where.append(index)
    constants = [integers(*column) for column in zip(*numbers, strict=True)]
    options = dict(zip(("BeginMask", "EndMask", "ShrinkAxisMask"), masks, strict=True))
    expected = x[tuple(where)].reshape(out)
    return model(BUILTIN.STRIDED_SLICE, [x, *constants], [tuple(out)], ("StridedSliceOptions", options), [expected])


@st.composite
def squeeze(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(5, st.integers(1, 2)))))
    ones = [i for i, d in enumerate(x.shape) if d == 1]
    axes = draw(st.sets(st.sampled_from(ones))) if ones else set()
    dropped = axes or set(ones)
    out = tuple(d for i, d in enumerate(x.shape) if i not in dropped)
    return model(BUILTIN.SQUEEZE, [x], [out], ("SqueezeOptions", {"SqueezeDims": tuple(axes)}))


@st.composite
def expand_dims(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(4))))
    axis = draw(st.integers(-x.ndim - 1, x.ndim))
    return model(BUILTIN.EXPAND_DIMS, [x, integers(axis, shape=())], [np.expand_dims(x, axis).shape])


@st.composite
def gather(draw: st.DrawFn) -> Model:
    """Any axis, batch dimensions, constant or computed indices of any rank."""
    x = draw(values(draw(any_rank(4, SMALL))))
    axis = draw(st.integers(0, x.ndim - 1))
    batches = draw(st.integers(0, axis))
    coordinates = (*x.shape[:batches], *draw(st.lists(SMALL, max_size=2)))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    indices = rng.integers(0, x.shape[axis], coordinates).astype(np.int32)
    given: Array | FileTensor = indices
    if draw(st.booleans()):
        given = FileTensor(coordinates, INT32, indices.tobytes(), scale=None)
    out = (*x.shape[:axis], *coordinates[batches:], *x.shape[axis + 1 :])
    options = {"Axis": draw(st.sampled_from([axis, axis - x.ndim])), "BatchDims": batches}
    return model(BUILTIN.GATHER, [x, given], [out], ("GatherOptions", options))


@st.composite
def depth(draw: st.DrawFn) -> Model:
    n, h, w, c, block = (draw(st.integers(1, 3)) for _ in range(5))
    flat, deep = (n, h * block, w * block, c), (n, h, w, c * block * block)
    if draw(st.booleans()):
        options = ("SpaceToDepthOptions", {"BlockSize": block})
        return model(BUILTIN.SPACE_TO_DEPTH, [draw(values(flat))], [deep], options)
    return model(BUILTIN.DEPTH_TO_SPACE, [draw(values(deep))], [flat], ("DepthToSpaceOptions", {"BlockSize": block}))


@st.composite
def batch(draw: st.DrawFn) -> Model:
    """Blocks over one or two dimensions; only what needs no border is asked of the oracle (see blocks.py)."""
    count = draw(st.integers(1, 2))
    n, c, blocks = draw(SMALL), draw(SMALL), [draw(st.integers(1, 3)) for _ in range(count)]
    sizes = [draw(SMALL) * block for block in blocks]
    small = tuple(size // block for size, block in zip(sizes, blocks, strict=True))
    many = (n * math.prod(blocks), *small, c)
    if draw(st.booleans()):
        x = draw(values((n, *sizes, c)))
        none = integers(*(0,) * 2 * count, shape=(count, 2))
        return model(BUILTIN.SPACE_TO_BATCH_ND, [x, integers(*blocks), none], [many])
    crops = [(draw(st.integers(0, size - 1)), 0) for size in sizes]
    out = (n, *(size - before for size, (before, _) in zip(sizes, crops, strict=True)), c)
    flat = integers(*(v for pair in crops for v in pair), shape=(count, 2))
    return model(BUILTIN.BATCH_TO_SPACE_ND, [draw(values(many)), integers(*blocks), flat], [out])


@st.composite
def broadcast_to(draw: st.DrawFn) -> Model:
    out = draw(any_rank(5, SMALL))
    rank = draw(st.integers(1, len(out)))
    x = draw(values(tuple(draw(st.sampled_from([1, d])) for d in out[len(out) - rank :])))
    return model(BUILTIN.BROADCAST_TO, [x, integers(*out)], [out])


@st.composite
def tile(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(5, SMALL))))
    repeats = [draw(st.integers(1, 3)) for _ in x.shape]
    expected = np.tile(x, repeats)
    return model(BUILTIN.TILE, [x, integers(*repeats)], [expected.shape], numpy=[expected])


@st.composite
def reverse(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(4))))
    return model(BUILTIN.REVERSE_V2, [x, integers(draw(st.integers(0, x.ndim - 1)))], [x.shape])


@st.composite
def transpose(draw: st.DrawFn) -> Model:
    x = draw(values(draw(any_rank(5))))
    order = draw(st.permutations(range(x.ndim)))
    return model(BUILTIN.TRANSPOSE, [x, integers(*order)], [tuple(x.shape[i] for i in order)])


FILES: Mapping[str, Callable[[], st.SearchStrategy[Model]]] = {
    "batch": batch,
    "broadcast_to": broadcast_to,
    "concatenation": concatenation,
    "depth": depth,
    "expand_dims": expand_dims,
    "gather": gather,
    "mirror_pad": mirror_pad,
    "pack": pack,
    "pad": pad,
    "reverse": reverse,
    "slice": slices,
    "split": split,
    "split_v": split_v,
    "squeeze": squeeze,
    "strided_slice": strided_slice,
    "tile": tile,
    "transpose": transpose,
    "unpack": unpack,
}
NUMPY_ONLY = ("tile",)
