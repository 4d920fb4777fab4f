"""Graphs and plans that the tests of planner, validator and emitter share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hypothesis import strategies as st

from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.ops.attributes import Concatenation, Conv2D, DepthwiseConv2D, Mul, Padding, Resize, Sum
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.target import Region, Target, host_target

from .graph_builder import STEP, GraphBuilder
from .models import model_path

HOST = host_target()
F746 = Target("stm32f746g-disco", (Region("dtcm", 56 << 10), Region("sram", 252 << 10)))
SAME = Padding(1, 1, 1, 1)
OTHER = Quant((0.125,), (3,))


@cache
def real(name: str, io: str = "model") -> Graph:
    """A real model as the pipeline plans it."""
    from edgekit import frontend
    from edgekit_codegen import passes

    return passes.optimize(frontend.load(model_path(name), io=io)).graph


def plan(graph: Graph, target: Target = HOST) -> Plan:
    return make_plan(graph, layerwise.schedule(graph), target)


def tiny() -> Graph:
    """A window, an addition in place, a view, and a whole-tensor operator."""
    b = GraphBuilder()
    x = b.input((1, 6, 5, 2))
    y = b.conv2d(x, 4, attrs=Conv2D(padding=SAME, activation=Activation.RELU))
    z = b.add(b.conv2d(y, 4, (1, 1)), y)
    logits = b.fully_connected(b.reshape(b.mean(z, (1,)), (1, 20)), 3, 20)
    return b.graph(b.softmax(logits))


def chain(rows: int = 9) -> Graph:
    """Two convolutions of three rows each, for schedules that run in bands or streams."""
    b = GraphBuilder()
    x = b.input((1, rows, 4, 2))
    return b.graph(b.conv2d(b.conv2d(x, 3, attrs=Conv2D(padding=SAME)), 2, attrs=Conv2D(padding=SAME)))


KINDS = ("conv2d", "pointwise", "depthwise", "add", "relu", "pool", "pad", "side")
MORE = (*KINDS, "strided", "resize", "joined", "squeeze", "total")
"""And windows that are wider, or skip most rows; rows that repeat; what needs all rows of an image."""


@st.composite
def graphs(draw: st.DrawFn, most: int = 9, kinds: Sequence[str] = KINDS, straight: bool = False) -> Graph:
    """Graphs with branches, views, operators in place, several inputs and several outputs.

    straight  most operators read what the one before them wrote, as in networks
    """
    b = GraphBuilder(draw(st.integers(0, 99)))
    images = [
        b.input((1, draw(st.integers(2, 7)), draw(st.integers(2, 7)), draw(st.integers(1, 5))))
        for _ in range(draw(st.integers(1, 2)))
    ]
    outputs = []
    for _ in range(draw(st.integers(1, most))):
        x = images[-1] if straight and draw(st.integers(0, 4)) else draw(st.sampled_from(images))
        kind = draw(st.sampled_from(kinds))
        if kind == "conv2d":
            stride = draw(st.sampled_from([(1, 1), (2, 2), (2, 1)]))
            images.append(b.conv2d(x, draw(st.integers(1, 6)), attrs=Conv2D(stride, padding=SAME)))
        elif kind == "pointwise":
            images.append(b.conv2d(x, draw(st.integers(1, 6)), (1, 1)))
        elif kind == "depthwise":
            dilation = draw(st.sampled_from([(1, 1), (2, 2)]))
            padding = Padding(*dilation, *dilation)
            images.append(b.depthwise(x, attrs=DepthwiseConv2D(dilation=dilation, padding=padding)))
        elif kind == "add":
            alike = [i for i in images if b.shape(i) == b.shape(x)]
            images.append(b.add(x, draw(st.sampled_from(alike))))
        elif kind == "relu":
            images.append(b.relu(x, quant=draw(st.sampled_from([None, OTHER]))))
        elif kind == "pool":
            pool = draw(st.sampled_from(["average", "max"]))
            images.append(b.pool(pool, x, (2, 2), draw(st.sampled_from([(1, 1), (2, 2)])), SAME))
        elif kind == "pad":
            images.append(b.pad(x, *(draw(st.integers(0, 2)) for _ in range(4))))
        elif kind == "side":
            outputs.append(draw(side(b, x)))
        else:
            images.append(draw(_FURTHER[kind](b, x, images)))
    made = [i for i in images if i not in b.inputs]
    more = draw(st.lists(st.sampled_from(made), max_size=2)) if made and not straight else []
    return b.graph(*dict.fromkeys([*made[-1:], *outputs, *more]))


@st.composite
def strided(draw: st.DrawFn, b: GraphBuilder, x: int, images: Sequence[int]) -> int:
    padding = Padding(*(draw(st.integers(2, 3)) for _ in range(4)))
    stride = draw(st.sampled_from([(2, 2), (3, 1), (1, 2), (4, 3)]))
    if draw(st.booleans()):
        return b.depthwise(x, (5, 5), DepthwiseConv2D(stride, padding=padding))
    return b.conv2d(x, draw(st.integers(1, 4)), (5, 5), Conv2D(stride, padding=padding))


@st.composite
def resize(draw: st.DrawFn, b: GraphBuilder, x: int, images: Sequence[int]) -> int:
    _, rows, pixels, _ = b.shape(x)
    kind = draw(st.sampled_from(["resize_nearest_neighbor", "resize_bilinear"]))
    size = [max(1, draw(st.sampled_from([n // 2, n, n + 1, 2 * n if n < 7 else n]))) for n in (rows, pixels)]
    return b.apply(kind, (x,), Resize((size[0], size[1])))


@st.composite
def joined(draw: st.DrawFn, b: GraphBuilder, x: int, images: Sequence[int]) -> int:
    """Rows of two images joined, by pixels or by channels."""
    axis = draw(st.sampled_from([2, 3]))

    def kept(ident: int) -> tuple[object, ...]:
        return b.tensors[ident].quant, *(n for i, n in enumerate(b.shape(ident)) if i != axis)

    other = draw(st.sampled_from([i for i in images if kept(i) == kept(x)]))
    return b.apply("concatenation", (x, other), Concatenation(axis)) if b.shape(x)[axis] < 9 else b.relu(x)


@st.composite
def squeeze(draw: st.DrawFn, b: GraphBuilder, x: int, images: Sequence[int]) -> int:
    """Every channel by a weight that all of its pixels give."""
    weights = b.conv2d(b.mean(x, (1, 2), keep_dims=True), b.shape(x)[3], (1, 1))
    return b.apply("mul", (x, weights) if draw(st.booleans()) else (weights, x), Mul())


@st.composite
def total(draw: st.DrawFn, b: GraphBuilder, x: int, images: Sequence[int]) -> int:
    """One pixel of all pixels."""
    _, rows, pixels, channels = b.shape(x)
    kind = draw(st.sampled_from(["mean", "sum", "window", "reshaped"]))
    if kind == "window":
        return b.pool("average", x, (rows, pixels))
    if kind == "sum":
        return b.apply("sum", (x,), Sum((1, 2), True), draw(st.sampled_from([STEP, OTHER, Quant((2.0,), (-7,))])))
    mean = b.mean(x, (1, 2), keep_dims=kind == "mean")
    return mean if kind == "mean" else b.reshape(mean, (1, 1, 1, channels))


_FURTHER = {"strided": strided, "resize": resize, "joined": joined, "squeeze": squeeze, "total": total}


@st.composite
def side(draw: st.DrawFn, b: GraphBuilder, x: int) -> int:
    """A branch that ends in an output: views, whole-tensor operators, operators of rows without an image."""
    _, rows, pixels, channels = b.shape(x)
    kind = draw(st.sampled_from(["view", "dense", "mean", "transpose", "softmax", "dequantize"]))
    if kind == "view":
        return b.reshape(x, (rows * pixels, channels))
    if kind == "dense":
        return b.fully_connected(b.reshape(x, (1, rows * pixels * channels)), 3, rows * pixels * channels)
    if kind == "mean":
        return b.mean(x, (1, 2))
    if kind == "transpose":
        return b.transpose(x, (0, 3, 1, 2))
    return b.softmax(x) if kind == "softmax" else b.dequantize(x)
