"""Sliding windows."""

from __future__ import annotations

from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ACTIVATIONS, Case

from edgekit_codegen.ops.attributes import (
    Padding,
    Pool2D,
)

from .drawing import quants, unary, values


@st.composite
def pool(draw: st.DrawFn, kind: str, plain: bool = False) -> Case:
    geometry = draw(conv_graphs.geometries(("same", "valid") if plain else ("same", "valid", "explicit")))
    rows, pixels = geometry.kernel
    p, size = geometry.padding, geometry.image
    if geometry.dilation != (1, 1) or max(p.top, p.bottom) >= rows or max(p.left, p.right) >= pixels:
        p, size = Padding(), (size[0] + rows, size[1] + pixels)
    plane = conv_graphs.Geometry(size, geometry.kernel, geometry.stride, (1, 1), p)
    channels, both = draw(st.integers(1, 20)), draw(quants())
    attrs = Pool2D(geometry.kernel, geometry.stride, p, draw(ACTIVATIONS))
    x = (1, *size, channels)
    return Case(unary(kind, attrs, x, (1, *plane.output, channels), both, both), (draw(values(x)),))


def average_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("average_pool2d", plain)


def max_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("max_pool2d", plain)


CASES = {"average_pool2d": average_pool2d, "max_pool2d": max_pool2d}
