"""What moves elements without changing them: borders, shapes, orders, repetitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from edgekit_codegen.ir import DType, Op, Tensor
from edgekit_codegen.ops.attributes import Gather, MirrorPad, Pad, Pair, Reshape, Tile, Transpose

from ..source import Source
from .record import Translation
from .steps import Steps, dimension, require_shape


def padding_amounts(source: Source, position: int, rank: int) -> tuple[Pair, ...]:
    """(before, after) for each of `rank` dimensions, from a constant input."""
    amounts = source.parameter(position, "padding amounts")
    if len(amounts) != 2 * rank or min(amounts, default=0) < 0:
        raise source.error("operator.parameter", f"padding amounts {list(amounts)} do not fit rank {rank}")
    return tuple(zip(amounts[::2], amounts[1::2], strict=True))


def pad(steps: Steps, x: Tensor, amounts: tuple[Pair, ...], value: int | None, into: Tensor | None = None) -> Tensor:
    """One operator for the last three dimensions, and one for each dimension before them that is padded."""
    first = max(len(amounts) - 3, 0)
    parts = [(*((0, 0),) * first, *amounts[first:])]
    for axis in reversed(range(first)):
        if any(amounts[axis]):
            parts.append(tuple(pair if i == axis else (0, 0) for i, pair in enumerate(amounts)))
    if len(parts) > 1 and not any(map(any, parts[0])):
        del parts[0]
    for position, part in enumerate(parts):
        shape = tuple(before + size + after for size, (before, after) in zip(x.shape, part, strict=True))
        x = steps.add("pad", Pad(part, value), [x], shape, into if position == len(parts) - 1 else None)
    return x


def _pad(source: Source) -> tuple[Op, ...]:
    steps, x = Steps(source), source.input(0)
    amounts = padding_amounts(source, 1, len(x.shape))
    require_shape(source, source.output(), _padded(x, amounts))
    pad(steps, x, amounts, None, source.output())
    return steps.done()


def _padv2(source: Source) -> tuple[Op, ...]:
    steps, x, out = Steps(source), source.input(0), source.output()
    amounts = padding_amounts(source, 1, len(x.shape))
    require_shape(source, out, _padded(x, amounts))
    value = source.input(2)
    if value.data is None or value.elements != 1 or value.dtype is not DType.INT8:
        raise source.error(
            "operator.parameter",
            f"its padding value (input 2, {value.dtype.value}{list(value.shape)}) is not one constant int8",
            "pad with a constant, and quantize the model fully to int8",
        )
    if value.quant != out.quant:
        raise source.error(
            "operator.parameter",
            "its padding value is quantized otherwise than its output",
            "quantize the model again: value and output need one scale and zero point",
        )
    number = int(value.data.reshape(-1)[0])
    pad(steps, x, amounts, None if out.quant and number == out.quant.zero_point[0] else number, out)
    return steps.done()


def _padded(x: Tensor, amounts: tuple[Pair, ...]) -> tuple[int, ...]:
    return tuple(before + size + after for size, (before, after) in zip(x.shape, amounts, strict=True))


def _mirror_pad(source: Source) -> Op:
    options = source.options("MirrorPadOptions")
    amounts = padding_amounts(source, 1, len(source.input(0).shape))
    return source.op("mirror_pad", MirrorPad(amounts, symmetric=int(options["mode"]) == 1), inputs=1)


def _reshape(source: Source) -> Op:
    if len(source.operator.inputs) > 1:
        source.parameter(1, "shape")  # the output's own shape says the same; a computed one is an error
    return source.op("reshape", Reshape(), inputs=1)


def _squeeze(source: Source) -> Op:
    x, options = source.input(0), source.options_or_none("SqueezeOptions")
    given = () if options is None else options["squeeze_dims"]
    axes = {source.axis(int(a)) for a in given} or {i for i, size in enumerate(x.shape) if size == 1}
    if any(x.shape[axis] != 1 for axis in axes):
        raise source.error("operator.parameter", f"it drops dimensions {sorted(axes)}, not all of them of size 1")
    require_shape(source, source.output(), [size for i, size in enumerate(x.shape) if i not in axes])
    return source.op("reshape", Reshape(), inputs=1)


def _expand_dims(source: Source) -> Op:
    x, given = source.input(0), source.parameter(1, "axis")
    if len(given) != 1:
        raise source.error("operator.parameter", f"it adds a dimension at {list(given)}, not at one place")
    axis = dimension(source, given[0], len(x.shape) + 1)
    require_shape(source, source.output(), (*x.shape[:axis], 1, *x.shape[axis:]))
    return source.op("reshape", Reshape(), inputs=1)


def _transpose(source: Source) -> Op:
    permutation = tuple(source.axis(a) for a in source.parameter(1, "permutation"))
    if sorted(permutation) != list(range(len(source.input(0).shape))):
        raise source.error("operator.parameter", f"{list(permutation)} is not a permutation of its dimensions")
    return source.op("transpose", Transpose(permutation), inputs=1)


def _gather(source: Source) -> tuple[Op, ...]:
    """Dimensions before the axis become rows, in batches; those behind it become channels."""
    steps, options = Steps(source), source.options_or_none("GatherOptions")
    x, indices, out = source.input(0), source.input(1), source.output()
    axis = source.axis(0 if options is None else int(options["axis"]))
    batches = 0 if options is None else int(options["batch_dims"])
    batches += len(indices.shape) if batches < 0 else 0
    if not 0 <= batches <= min(axis, len(indices.shape)) or x.shape[:batches] != indices.shape[:batches]:
        raise source.error("operator.parameter", f"{batches} batch dimensions do not fit its inputs and axis {axis}")
    require_shape(source, out, (*x.shape[:axis], *indices.shape[batches:], *x.shape[axis + 1 :]))
    batch, outer = math.prod(x.shape[:batches]), math.prod(x.shape[batches:axis])
    size, inner, count = x.shape[axis], math.prod(x.shape[axis + 1 :]), math.prod(indices.shape[batches:])
    if indices.data is not None and indices.dtype is DType.INT64:
        narrow = np.clip(indices.data, -1, np.iinfo(np.int32).max).astype(np.int32)  # stays outside where it was
        indices = source.new_tensor(replace(indices, dtype=DType.INT32), indices.shape, narrow)
    table, chosen = steps.shaped(x, (batch, outer, size, inner)), steps.shaped(indices, (batch, 1, count))
    steps.add("gather", Gather(), [table, chosen], (batch, outer, 1, count, inner), out)
    return steps.done()


def _tile(source: Source) -> Op:
    return source.op("tile", Tile(source.parameter(1, "multiples")), inputs=1)


def _broadcast_to(source: Source) -> tuple[Op, ...]:
    steps, x, out = Steps(source), source.input(0), source.output()
    shape = source.parameter(1, "shape")
    require_shape(source, out, shape)
    aligned = (*(1,) * (len(shape) - len(x.shape)), *x.shape)
    if len(aligned) != len(shape) or any(size not in (1, wanted) for size, wanted in zip(aligned, shape, strict=True)):
        raise source.error("operator.shape", f"{list(x.shape)} does not broadcast to {list(shape)}")
    if aligned == shape:
        steps.view(x, out)
    else:
        repeats = tuple(wanted // size for size, wanted in zip(aligned, shape, strict=True))
        steps.add("tile", Tile(repeats), [steps.shaped(x, aligned)], shape, out)
    return steps.done()


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "BROADCAST_TO": Translation(_broadcast_to, (2, 2), kinds=("tile", "reshape")),
        "EXPAND_DIMS": Translation(_expand_dims, (2, 2), kinds=("reshape",)),
        "GATHER": Translation(_gather, (2, 2), kinds=("gather", "reshape")),
        "MIRROR_PAD": Translation(_mirror_pad, (2, 2)),
        "PAD": Translation(_pad, (2, 2)),
        "PADV2": Translation(_padv2, (3, 3), kinds=("pad",)),
        "RESHAPE": Translation(_reshape, (1, 2)),
        "SQUEEZE": Translation(_squeeze, (1, 1), kinds=("reshape",)),
        "TILE": Translation(_tile, (2, 2)),
        "TRANSPOSE": Translation(_transpose, (2, 2)),
    }
)
