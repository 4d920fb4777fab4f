"""Small networks whose output is an image again."""

from __future__ import annotations

from edgekit_codegen.ir import Activation, Graph
from edgekit_codegen.ops.attributes import Concatenation, Conv2D, Resize

from . import plans
from .graph_builder import GraphBuilder

RELU = Conv2D(padding=plans.SAME, activation=Activation.RELU)


def unet(rows: int = 96, pixels: int = 16, widths: tuple[int, ...] = (4, 8)) -> Graph:
    """Half the rows and pixels from each width to the next one, and back, each time joined with what was there before:
    an image of three channels in, one of two channels out."""
    b = GraphBuilder(1)
    x, skips = b.input((1, rows, pixels, 3)), []
    for channels in widths[:-1]:
        x = b.conv2d(b.conv2d(x, channels, attrs=RELU), channels, attrs=RELU)
        skips.append(x)
        x = b.pool("max", x, (2, 2), (2, 2))
    x = b.conv2d(x, widths[-1], attrs=RELU)
    for skip in reversed(skips):
        _, height, width, channels = b.shape(skip)
        larger = b.apply("resize_nearest_neighbor", (x,), Resize((height, width)))
        x = b.conv2d(b.apply("concatenation", (larger, skip), Concatenation(3)), channels, attrs=RELU)
    return b.graph(b.conv2d(x, 2, (1, 1)))
