"""Networks with squeeze and excitation, small enough to be built and run in tests."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit_codegen.ir import Activation, Graph, TensorId
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Mul, Sum

from .graph_builder import GraphBuilder
from .plans import SAME

REDUCTIONS = ("mean", "sum", "window")


def block(b: GraphBuilder, x: TensorId, hidden: int, reduction: str = "mean", before: Sequence[str] = ()) -> TensorId:
    """What `excited` has, projected, and added to x."""
    return b.add(x, b.conv2d(excited(b, x, hidden, reduction, before), b.shape(x)[3], (1, 1)))


def excited(b: GraphBuilder, x: TensorId, hidden: int, reduction: str = "mean", before: Sequence[str] = ()) -> TensorId:
    """An expansion, what is named, a depthwise window, and its squeeze and excitation.

    reduction  one of REDUCTIONS
    before     operators between expansion and window: "relu" or "window"
    """
    y = b.conv2d(x, hidden, (1, 1), Conv2D(activation=Activation.RELU))
    for kind in before:
        y = b.relu(y) if kind == "relu" else b.depthwise(y, attrs=DepthwiseConv2D(padding=SAME))
    y = b.depthwise(y, attrs=DepthwiseConv2D(padding=SAME))
    return b.apply("mul", (y, b.conv2d(reduced(b, y, reduction), hidden, (1, 1))), Mul())


def reduced(b: GraphBuilder, x: TensorId, reduction: str) -> TensorId:
    """All pixels as one."""
    _, rows, pixels, _ = b.shape(x)
    if reduction == "window":
        return b.pool("average", x, (rows, pixels))
    return b.mean(x, (1, 2), True) if reduction == "mean" else b.apply("sum", (x,), Sum((1, 2), True))


def network(hidden: Sequence[int] = (32, 32), side: int = 12) -> Graph:
    """Blocks of so many channels over a square image of 4, whose input is a convolution's."""
    b = GraphBuilder(3)
    x = b.conv2d(b.input((1, side, side, 2)), 4, attrs=Conv2D(padding=SAME))
    for channels in hidden:
        x = block(b, x, channels)
    return b.graph(b.mean(x, (1, 2)))
