"""Blocks of pixels moved into channels or batches and back: a transpose between two views."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgekit_codegen.ir import Op, Shape, Tensor
from edgekit_codegen.ops.attributes import Transpose

from ..source import Source
from .movement import pad, padding_amounts
from .parts import take
from .record import Translation
from .steps import Steps, require_shape


def _exchange(steps: Steps, x: Tensor, view: Shape, permutation: Sequence[int], into: Tensor) -> None:
    """The dimensions of a view in another order."""
    order = tuple(permutation)
    steps.add("transpose", Transpose(order), [steps.shaped(x, view)], tuple(view[i] for i in order), into)


def _image(source: Source, block: int) -> tuple[int, int, int, int]:
    shape = source.input(0).shape
    if len(shape) != 4:
        raise source.error("operator.shape", f"its input has rank {len(shape)}, not 4 (NHWC)")
    if block < 1:
        raise source.error("operator.options", f"its block size is {block}")
    return shape[0], shape[1], shape[2], shape[3]


def _space_to_depth(source: Source) -> tuple[Op, ...]:
    steps, block = Steps(source), int(source.options("SpaceToDepthOptions")["block_size"])
    n, h, w, c = _image(source, block)
    if h % block or w % block:
        raise source.error("operator.options", f"blocks of {block} do not divide {h}x{w}")
    require_shape(source, source.output(), (n, h // block, w // block, block * block * c))
    view = n * h // block, block, w // block, block * c
    _exchange(steps, source.input(0), view, (0, 2, 1, 3), source.output())
    return steps.done()


def _depth_to_space(source: Source) -> tuple[Op, ...]:
    steps, block = Steps(source), int(source.options("DepthToSpaceOptions")["block_size"])
    n, h, w, c = _image(source, block)
    if c % (block * block):
        raise source.error("operator.options", f"blocks of {block}x{block} do not divide {c} channels")
    require_shape(source, source.output(), (n, h * block, w * block, c // block // block))
    _exchange(steps, source.input(0), (n * h, w, block, c // block), (0, 2, 1, 3), source.output())
    return steps.done()


def _blocks(source: Source) -> tuple[int, ...]:
    """The block's size along each dimension after the batch."""
    blocks = source.parameter(1, "block shape")
    if min(blocks, default=0) < 1 or len(blocks) >= len(source.input(0).shape):
        raise source.error("operator.parameter", f"blocks of {list(blocks)} do not fit {list(source.input(0).shape)}")
    return blocks


def _space_to_batch(source: Source) -> tuple[Op, ...]:
    """The border holds the zero point, as in LiteRT; TensorFlow Lite Micro leaves its value to chance."""
    steps, x, out, blocks = Steps(source), source.input(0), source.output(), _blocks(source)
    count = len(blocks)
    amounts = ((0, 0), *padding_amounts(source, 2, count), *((0, 0),) * (len(x.shape) - 1 - count))
    if any(map(any, amounts)):
        x = pad(steps, x, amounts, None)
    n, space, rest = x.shape[0], x.shape[1 : count + 1], x.shape[count + 1 :]
    if any(size % block for size, block in zip(space, blocks, strict=True)):
        raise source.error("operator.parameter", f"blocks of {list(blocks)} do not divide {list(space)}")
    small = [size // block for size, block in zip(space, blocks, strict=True)]
    require_shape(source, out, (n * math.prod(blocks), *small, *rest))
    view = (n, *(d for pair in zip(small, blocks, strict=True) for d in pair), math.prod(rest))
    order = (*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), 2 * count + 1)
    _exchange(steps, x, view, order, out)
    return steps.done()


def _batch_to_space(source: Source) -> tuple[Op, ...]:
    steps, x, out, blocks = Steps(source), source.input(0), source.output(), _blocks(source)
    count = len(blocks)
    n, space, rest = x.shape[0], x.shape[1 : count + 1], x.shape[count + 1 :]
    if n % math.prod(blocks):
        raise source.error("operator.parameter", f"blocks of {list(blocks)} do not divide a batch of {n}")
    large = tuple(size * block for size, block in zip(space, blocks, strict=True))
    crops = padding_amounts(source, 2, count)
    kept = tuple(size - before - after for size, (before, after) in zip(large, crops, strict=True))
    whole = (n // math.prod(blocks), *large, *rest)
    require_shape(source, out, (whole[0], *kept, *rest))
    cropped = kept != large
    target = source.new_tensor(x, whole) if cropped else out
    view = (*blocks, whole[0], *space, math.prod(rest))
    order = (count, *(i for k in range(count) for i in (count + 1 + k, k)), 2 * count + 1)
    _exchange(steps, x, view, order, target)
    if cropped:
        begin = (0, *(before for before, _ in crops), *(0,) * len(rest))
        take(steps, target, begin, out.shape, (1,) * len(out.shape), out)
    return steps.done()


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "BATCH_TO_SPACE_ND": Translation(_batch_to_space, (3, 3), kinds=("transpose", "reshape", "strided_slice")),
        "DEPTH_TO_SPACE": Translation(_depth_to_space, (1, 1), kinds=("transpose", "reshape")),
        "SPACE_TO_BATCH_ND": Translation(_space_to_batch, (3, 3), kinds=("transpose", "reshape", "pad")),
        "SPACE_TO_DEPTH": Translation(_space_to_depth, (1, 1), kinds=("transpose", "reshape")),
    }
)
