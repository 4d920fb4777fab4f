"""Sliding windows."""

from __future__ import annotations

from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ACTIVATIONS, Case

from edgekit_codegen.ops.attributes import (
    Padding,
    Pool2D,
    Resize,
    TransposeConv,
)

from .drawing import quants, unary, values

FILE, ANY = ("same", "valid"), ("same", "valid", "explicit")


def conv2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return conv_graphs.conv2d(FILE if plain else ANY)


def depthwise_conv2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return conv_graphs.depthwise_conv2d(FILE if plain else ANY)


@st.composite
def pool(draw: st.DrawFn, kind: str, plain: bool = False) -> Case:
    geometry = draw(conv_graphs.geometries(FILE if plain else ANY))
    rows, pixels = geometry.kernel
    p, size = geometry.padding, geometry.image
    if geometry.dilation != (1, 1) or max(p.top, p.bottom) >= rows or max(p.left, p.right) >= pixels:
        p, size = Padding(), (size[0] + rows, size[1] + pixels)
    plane = conv_graphs.Geometry(size, geometry.kernel, geometry.stride, (1, 1), p)
    channels, both = draw(st.integers(1, 20)), draw(quants())
    attrs = Pool2D(geometry.kernel, geometry.stride, p, draw(ACTIVATIONS))
    images = draw(conv_graphs.BATCHES)
    x = (images, *size, channels)
    return Case(unary(kind, attrs, x, (images, *plane.output, channels), both, both), (draw(values(x)),))


def average_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("average_pool2d", plain)


def max_pool2d(plain: bool = False) -> st.SearchStrategy[Case]:
    return pool("max_pool2d", plain)


@st.composite
def transpose_conv(draw: st.DrawFn, plain: bool = False) -> Case:
    """Outputs of any size: TensorFlow Lite Micro does not ask for the one that the input suggests."""
    kernel, stride, image = (tuple(draw(st.integers(1, most)) for _ in "yx") for most in (5, 4, 6))
    mode = draw(st.sampled_from(["same", "valid", "any"]))
    size = tuple(n * s if mode == "same" else (n - 1) * s + k for n, s, k in zip(image, stride, kernel, strict=True))
    if mode == "any":
        size = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    crop = (0, 0)
    if mode != "valid" and draw(st.booleans()):
        crop = tuple(conv_graphs.same(*each, 1)[0] for each in zip(size, kernel, stride, strict=True))
    if not plain and draw(st.booleans()):
        crop = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    images, depth, channels = draw(conv_graphs.BATCHES), draw(st.integers(1, 6)), draw(st.integers(1, 9))
    attrs = TransposeConv(size, stride, crop, draw(ACTIVATIONS))
    shapes = ((images, *image, depth), (images, *size, channels))
    return conv_graphs.weighted(draw, "transpose_conv", *shapes, attrs, (channels, *kernel, depth), 0)


@st.composite
def resize(draw: st.DrawFn, kind: str, plain: bool = False) -> Case:
    """Also by whole factors, by which coordinates fall on integers."""
    sizes = st.integers(1, 12)
    image = draw(sizes), draw(sizes)
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    if draw(st.booleans()):
        size = image[0] * draw(st.integers(1, 4)), image[1] * draw(st.integers(1, 4))
    corners, centres = draw(st.booleans()), draw(st.booleans())
    attrs = Resize(size, corners, centres and not (corners and kind == "resize_bilinear"))
    images, channels, both = draw(conv_graphs.BATCHES), draw(st.integers(1, 5)), draw(quants())
    x = (images, *image, channels)
    return Case(unary(kind, attrs, x, (images, *size, channels), both, both), (draw(values(x)),))


def resize_bilinear(plain: bool = False) -> st.SearchStrategy[Case]:
    return resize("resize_bilinear", plain)


def resize_nearest_neighbor(plain: bool = False) -> st.SearchStrategy[Case]:
    return resize("resize_nearest_neighbor", plain)


CASES = {
    "average_pool2d": average_pool2d,
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "max_pool2d": max_pool2d,
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "transpose_conv": transpose_conv,
}
