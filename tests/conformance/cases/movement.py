"""What moves elements without changing them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from support.conv_graphs import Case

from edgekit_codegen.ops.attributes import (
    Pad,
    Reshape,
    Transpose,
)

from .drawing import quants, shapes, unary, values


@st.composite
def pad(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    some = st.integers(0, 3)
    amounts = tuple((0, 0) if len(shape) == 4 and i == 0 else (draw(some), draw(some)) for i in range(len(shape)))
    out = tuple(before + d + after for d, (before, after) in zip(shape, amounts, strict=True))
    return Case(unary("pad", Pad(amounts), shape, out, both, both), (draw(values(shape)),))


@st.composite
def reshape(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    total = int(np.prod(shape))
    out = draw(st.sampled_from([(total,), (1, total), (total, 1), shape[::-1] if len(shape) < 4 else shape]))
    return Case(unary("reshape", Reshape(), shape, out, both, both), (draw(values(shape)),))


@st.composite
def transpose(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, both = draw(shapes()), draw(quants())
    order = tuple(draw(st.permutations(range(len(shape)))))
    if len(shape) == 4 and shape[order[0]] != 1:
        order = (0, *(i for i in order if i != 0))
    out = tuple(shape[i] for i in order)
    return Case(unary("transpose", Transpose(order), shape, out, both, both), (draw(values(shape)),))


CASES = {"pad": pad, "reshape": reshape, "transpose": transpose}
