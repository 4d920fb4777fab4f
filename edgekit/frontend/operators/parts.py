"""Parts of tensors, and tensors made of parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgekit_codegen.ir import Activation, Op, Shape, Tensor
from edgekit_codegen.ops.attributes import Concatenation, StridedSlice

from ..source import Source
from .record import Translation
from .steps import Steps, dimension, require_shape

_MANY = 1 << 10  # outputs of one operator, far above any model


def take(
    steps: Steps, x: Tensor, begin: Sequence[int], size: Sequence[int], step: Sequence[int], into: Tensor | None
) -> Tensor:
    """A part of a tensor."""
    shape = tuple(size)
    return steps.add("strided_slice", StridedSlice(tuple(begin), shape, tuple(step)), [x], shape, into)


def _along(steps: Steps, x: Tensor, axis: int, begin: int, size: int, into: Tensor) -> None:
    """Elements begin .. begin+size-1 of one dimension."""
    begins = [begin if i == axis else 0 for i in range(len(x.shape))]
    sizes = [size if i == axis else d for i, d in enumerate(x.shape)]
    take(steps, x, begins, sizes, [1] * len(x.shape), into)


def slice_of(source: Source) -> StridedSlice:
    """What a SLICE takes of its input 0."""
    shape, begin, size = source.input(0).shape, source.parameter(1, "begin"), source.parameter(2, "size")
    if not len(begin) == len(size) == len(shape):
        raise source.error("operator.parameter", f"begin {list(begin)} and size {list(size)} do not fit {list(shape)}")
    sizes = tuple(d - b if n == -1 else n for d, b, n in zip(shape, begin, size, strict=True))
    require_shape(source, source.output(), sizes)
    return StridedSlice(begin, sizes, (1,) * len(shape))


def _slice(source: Source) -> Op:
    return source.op("strided_slice", slice_of(source), inputs=1)


def strided_slice_of(source: Source) -> StridedSlice:
    """What a STRIDED_SLICE takes of its input 0, before dimensions are added and dropped; the file's output has the
    shape after that."""
    options, shape = source.options("StridedSliceOptions"), source.input(0).shape
    begin, end, step = (source.parameter(i, what) for i, what in ((1, "begin"), (2, "end"), (3, "strides")))
    if not len(begin) == len(end) == len(step) <= 32 or 0 in step:
        raise source.error(
            "operator.parameter", f"begin {list(begin)}, end {list(end)} and strides {list(step)} do not fit together"
        )
    new, ellipsis = int(options["new_axis_mask"]), int(options["ellipsis_mask"])
    named = sum(1 for i in range(len(begin)) if not (new | ellipsis) >> i & 1)
    parts: list[tuple[int, int, int]] = []
    result: list[int] = []
    for i, (first, last, stride) in enumerate(zip(begin, end, step, strict=True)):
        if ellipsis >> i & 1:
            whole = shape[len(parts) : len(parts) + len(shape) - named]
            parts += [(0, size, 1) for size in whole]
            result += whole
        elif new >> i & 1:
            result.append(1)
        elif len(parts) == len(shape):
            raise source.error("operator.parameter", f"{named} dimensions are taken of {list(shape)}")
        elif options["shrink_axis_mask"] >> i & 1:
            parts.append((_index(source, 0 if options["begin_mask"] >> i & 1 else first, shape[len(parts)]), 1, 1))
        else:
            size = shape[len(parts)]
            start = slice(None if options["begin_mask"] >> i & 1 else first, None, stride).indices(size)[0]
            last += start if options["offset"] else 0
            stop = slice(None, None if options["end_mask"] >> i & 1 else last, stride).indices(size)[1]
            count = len(range(start, stop, stride))
            if count == 0:
                raise source.error("operator.parameter", f"it takes nothing of dimension {len(parts)}")
            parts.append((start, count, stride))
            result.append(count)
    rest = shape[len(parts) :]
    parts += [(0, size, 1) for size in rest]
    require_shape(source, source.output(), [*result, *rest])
    return StridedSlice(*(tuple(part[i] for part in parts) for i in range(3)))


def _index(source: Source, index: int, size: int) -> int:
    if not -size <= index < size:
        raise source.error("operator.parameter", f"it takes element {index} of {size}")
    return index % size


def _strided_slice(source: Source) -> tuple[Op, ...]:
    steps, a = Steps(source), strided_slice_of(source)
    take(steps, source.input(0), a.begin, a.size, a.step, source.output())
    return steps.done()


def _split(source: Source) -> tuple[Op, ...]:
    x = source.input(1)
    axis = _axis(source, 0, x)
    count = len(source.operator.outputs)
    if x.shape[axis] % count:
        raise source.error("operator.shape", f"{x.shape[axis]} elements do not split into {count} equal parts")
    return _split_into(source, x, axis, [x.shape[axis] // count] * count)


def _split_v(source: Source) -> tuple[Op, ...]:
    x = source.input(0)
    axis = _axis(source, 2, x)
    sizes = list(source.parameter(1, "sizes"))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    if min(sizes, default=0) < 1 or sum(sizes) != x.shape[axis] or len(sizes) != len(source.operator.outputs):
        raise source.error(
            "operator.parameter",
            f"sizes {sizes} do not split {x.shape[axis]} elements into {len(source.operator.outputs)} parts",
        )
    return _split_into(source, x, axis, sizes)


def _axis(source: Source, position: int, x: Tensor) -> int:
    given = source.parameter(position, "axis")
    if len(given) != 1:
        raise source.error("operator.parameter", f"its axis is {list(given)}, not one dimension")
    return dimension(source, given[0], len(x.shape))


def _split_into(source: Source, x: Tensor, axis: int, sizes: Sequence[int]) -> tuple[Op, ...]:
    steps, begin = Steps(source), 0
    for position, size in enumerate(sizes):
        out = source.output(position)
        require_shape(source, out, (*x.shape[:axis], size, *x.shape[axis + 1 :]))
        _along(steps, x, axis, begin, size, out)
        begin += size
    return steps.done()


def _unpack(source: Source) -> tuple[Op, ...]:
    steps, x, options = Steps(source), source.input(0), source.options("UnpackOptions")
    axis = source.axis(int(options["axis"]))
    if len(source.operator.outputs) != x.shape[axis]:
        raise source.error("operator.shape", f"{x.shape[axis]} elements for {len(source.operator.outputs)} outputs")
    for position in range(x.shape[axis]):
        require_shape(source, source.output(position), (*x.shape[:axis], *x.shape[axis + 1 :]))
        _along(steps, x, axis, position, 1, source.output(position))
    return steps.done()


def _reverse(source: Source) -> Op:
    shape = source.input(0).shape
    axes = {source.axis(a) for a in source.parameter(1, "axes")}
    begin = tuple(size - 1 if i in axes else 0 for i, size in enumerate(shape))
    step = tuple(-1 if i in axes else 1 for i in range(len(shape)))
    return source.op("strided_slice", StridedSlice(begin, shape, step), inputs=1)


def _concatenation(source: Source) -> tuple[Op, ...]:
    options = source.options("ConcatenationOptions")
    if source.activation(options) is not Activation.NONE:
        raise source.error(
            "operator.activation",
            f"its fused activation {source.activation(options).value} is computed by no TensorFlow Lite runtime",
            "put the activation in front of the concatenation",
        )
    inputs = _inputs(source)
    axis = source.axis(int(options["axis"]))
    first = inputs[0].shape
    for x in inputs:
        if (len(x.shape), *_without(x.shape, axis)) != (len(first), *_without(first, axis)):
            raise source.error(
                "operator.shape", f"{list(first)} and {list(x.shape)} differ in more than dimension {axis}"
            )
    require_shape(source, source.output(), (*first[:axis], sum(x.shape[axis] for x in inputs), *first[axis + 1 :]))
    steps = Steps(source)
    _join(steps, inputs, axis, source.output())
    return steps.done()


def _pack(source: Source) -> tuple[Op, ...]:
    inputs, options = _inputs(source), source.options("PackOptions")
    shape = inputs[0].shape
    axis = dimension(source, int(options["axis"]), len(shape) + 1)
    if any(x.shape != shape for x in inputs):
        raise source.error("operator.shape", "its inputs differ in shape")
    require_shape(source, source.output(), (*shape[:axis], len(inputs), *shape[axis:]))
    steps = Steps(source)
    parts = [steps.shaped(x, (*shape[:axis], 1, *shape[axis:])) for x in inputs]
    _join(steps, parts, axis, source.output())
    return steps.done()


def _inputs(source: Source) -> list[Tensor]:
    return [source.input(i) for i in range(len(source.operator.inputs))]


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _join(steps: Steps, inputs: Sequence[Tensor], axis: int, into: Tensor) -> None:
    """One input is a view. Dimensions behind an axis that is not one of the last two are merged into channels."""
    if len(inputs) == 1:
        steps.view(inputs[0], into)
        return
    shape = into.shape
    if axis < len(shape) - 2:
        lead, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        inputs = [steps.shaped(x, (lead, x.shape[axis], inner)) for x in inputs]
        shape, axis = (lead, shape[axis], inner), 1
    steps.add("concatenation", Concatenation(axis), inputs, shape, into)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "CONCATENATION": Translation(_concatenation, (1, _MANY), kinds=("concatenation", "reshape")),
        "PACK": Translation(_pack, (1, _MANY), kinds=("concatenation", "reshape")),
        "REVERSE_V2": Translation(_reverse, (2, 2), kinds=("strided_slice",)),
        "SLICE": Translation(_slice, (3, 3), kinds=("strided_slice",)),
        "SPLIT": Translation(_split, (2, 2), (1, _MANY), kinds=("strided_slice",)),
        "SPLIT_V": Translation(_split_v, (3, 3), (1, _MANY), kinds=("strided_slice",)),
        "STRIDED_SLICE": Translation(_strided_slice, (4, 4), kinds=("strided_slice", "reshape")),
        "UNPACK": Translation(_unpack, (1, 1), (1, _MANY), kinds=("strided_slice", "reshape")),
    }
)
