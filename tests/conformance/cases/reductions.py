"""What makes one element out of whole dimensions."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from support.conv_graphs import Case

from edgekit_codegen.ir import DType, Quant, Shape
from edgekit_codegen.ops.attributes import ArgMax, ArgMin, Mean, ReduceMax, ReduceMin, Reduction, Sum

from .drawing import quants, unary, values

MOST = 4096  # elements of an input


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Rank 1 to 5, small, now and then with one long dimension."""
    rank = draw(st.integers(1, 5))
    sizes = [draw(st.integers(1, 5 if rank > 3 else 12)) for _ in range(rank)]
    if draw(st.integers(0, 7)) == 0:
        chosen = draw(st.integers(0, rank - 1))
        others = 1
        for i, size in enumerate(sizes):
            others *= 1 if i == chosen else size
        sizes[chosen] = draw(st.integers(1, max(MOST // others, 1)))
    return tuple(sizes)


@st.composite
def _reduced(draw: st.DrawFn) -> tuple[Shape, tuple[int, ...], bool, Shape]:
    """Input shape, axes, whether they stay, output shape."""
    shape = draw(shapes())
    axes = tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    keep = draw(st.booleans())
    return shape, axes, keep, tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)


def _scaled(kind: str, attrs: type[Reduction]) -> Callable[[bool], st.SearchStrategy[Case]]:
    @st.composite
    def draw_case(draw: st.DrawFn, plain: bool) -> Case:
        shape, axes, keep, out = draw(_reduced())
        x_quant, out_quant = draw(quants()), draw(quants())
        if draw(st.booleans()):  # as converters write averages: they keep the range of what they average
            out_quant = Quant(x_quant.scale, out_quant.zero_point)
        return Case(unary(kind, attrs(axes, keep), shape, out, x_quant, out_quant), (draw(values(shape)),))

    return draw_case


def _chosen(kind: str, attrs: type[Reduction]) -> Callable[[bool], st.SearchStrategy[Case]]:
    @st.composite
    def draw_case(draw: st.DrawFn, plain: bool) -> Case:
        shape, axes, keep, out = draw(_reduced())
        quant = draw(quants())
        return Case(unary(kind, attrs(axes, keep), shape, out, quant, quant), (draw(values(shape)),))

    return draw_case


def _indexed(kind: str, attrs: type[ArgMax] | type[ArgMin]) -> Callable[[bool], st.SearchStrategy[Case]]:
    @st.composite
    def draw_case(draw: st.DrawFn, plain: bool) -> Case:
        shape = draw(shapes())
        axis = draw(st.integers(0, len(shape) - 1))
        out = (*shape[:axis], *shape[axis + 1 :])
        graph = unary(kind, attrs(axis), shape, out, draw(quants()), None, out_dtype=DType.INT32)
        coarse = draw(st.sampled_from([0, 0, 5, 7]))  # bits that are dropped, so that elements are equal
        return Case(graph, (draw(values(shape)) >> coarse << coarse,))

    return draw_case


CASES = {
    "mean": _scaled("mean", Mean),
    "sum": _scaled("sum", Sum),
    "reduce_max": _chosen("reduce_max", ReduceMax),
    "reduce_min": _chosen("reduce_min", ReduceMin),
    "arg_max": _indexed("arg_max", ArgMax),
    "arg_min": _indexed("arg_min", ArgMin),
}
