"""What makes one element out of whole dimensions."""

from __future__ import annotations

from hypothesis import strategies as st
from support.conv_graphs import Case

from edgekit_codegen.ir import Quant
from edgekit_codegen.ops.attributes import (
    Mean,
)

from .drawing import quants, shapes, unary, values


@st.composite
def mean(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 12)))
    axes = tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    keep = draw(st.booleans())
    out = tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)
    x_quant, out_quant = draw(quants()), draw(quants())
    if draw(st.booleans()):  # as converters write it: averages keep the range of what they average
        out_quant = Quant(x_quant.scale, out_quant.zero_point)
    return Case(unary("mean", Mean(axes, keep), shape, out, x_quant, out_quant), (draw(values(shape)),))


CASES = {"mean": mean}
