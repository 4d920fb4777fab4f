"""Graphs and plans that the tests of planner, validator and emitter share."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.target import Region, Target, host_target

from .graph_builder import GraphBuilder
from .models import model_path

HOST = host_target()
F746 = Target("stm32f746g-disco", (Region("dtcm", 56 << 10), Region("sram", 252 << 10)))
SAME = Padding(1, 1, 1, 1)
OTHER = Quant((0.125,), (3,))


@cache
def real(name: str) -> Graph:
    """A real model as the pipeline plans it."""
    from edgekit import frontend
    from edgekit_codegen import passes

    return passes.optimize(frontend.load(model_path(name))).graph


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


@st.composite
def graphs(draw: st.DrawFn, most: int = 9) -> Graph:
    """Graphs with branches, views, operators in place, several inputs and several outputs."""
    b = GraphBuilder(draw(st.integers(0, 99)))
    images = [
        b.input((1, draw(st.integers(2, 7)), draw(st.integers(2, 7)), draw(st.integers(1, 5))))
        for _ in range(draw(st.integers(1, 2)))
    ]
    outputs = []
    for _ in range(draw(st.integers(1, most))):
        x = draw(st.sampled_from(images))
        kind = draw(st.sampled_from(["conv2d", "pointwise", "depthwise", "add", "relu", "pool", "pad", "side"]))
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
        else:
            outputs.append(draw(side(b, x)))
    made = [i for i in images if i not in b.inputs]
    more = draw(st.lists(st.sampled_from(made), max_size=2)) if made else []
    return b.graph(*dict.fromkeys([*made[-1:], *outputs, *more]))


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
