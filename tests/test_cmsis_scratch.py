"""The working memory that plans keep for CMSIS-NN is what CMSIS-NN asks for."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

import pytest
from support import host_model
from support.cmsis_layers import drawn, needs_sources, offered, single_rows, target
from support.conv_graphs import Case
from support.graph_builder import GraphBuilder

from edgekit.builder.cmsis_nn import INCLUDE, VARIABLE
from edgekit_codegen.ir import Graph
from edgekit_codegen.ops import convolution
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding
from edgekit_codegen.providers import at_once

AROUND = Padding(1, 1, 1, 1)
KINDS = ("conv2d", "depthwise_conv2d", "average_pool2d")


def scratch(graph: Graph, isa: str) -> int:
    """Bytes for the graph's only operator."""
    return at_once(graph, target(isa))[0]


def conv2d(shape: tuple[int, ...], kernel: tuple[int, int], attrs: Conv2D | None = None) -> Graph:
    b = GraphBuilder()
    return b.graph(b.conv2d(b.input(shape), 4, kernel, attrs))


def depthwise(shape: tuple[int, ...], kernel: tuple[int, int], attrs: DepthwiseConv2D | None = None) -> Graph:
    b = GraphBuilder()
    return b.graph(b.depthwise(b.input(shape), kernel, attrs))


@pytest.mark.parametrize(
    ("graph", "scalar", "mve"),
    [
        pytest.param(conv2d((1, 8, 8, 16), (1, 1)), 0, 0, id="1x1"),
        pytest.param(conv2d((1, 8, 8, 16), (1, 1), Conv2D(stride=(2, 2))), 0, 0, id="1x1/2"),
        # two windows of 27 values, filled to 28, of 16 bits; four, filled to 32, of 8 bits
        pytest.param(conv2d((1, 8, 8, 3), (3, 3), Conv2D(padding=AROUND)), 112, 128, id="3x3"),
        # with MVE the windows in the midst of a single row are read where they lie: only its ends are copied
        pytest.param(
            conv2d((1, 1, 12, 4), (1, 3), Conv2D(padding=Padding(0, 0, 1, 1))), 48, 16, id="1x3 of a single row"
        ),
        pytest.param(conv2d((1, 1, 2, 4), (1, 5), Conv2D(padding=Padding(0, 0, 2, 2))), 80, 128, id="a short row"),
        pytest.param(depthwise((1, 8, 8, 5), (3, 3), DepthwiseConv2D(padding=AROUND)), 0, 4464, id="depthwise 3x3"),
        pytest.param(depthwise((1, 8, 8, 5), (5, 5)), 250, 12400, id="depthwise 5x5"),
        pytest.param(depthwise((1, 8, 8, 5), (3, 3), DepthwiseConv2D(multiplier=2)), 0, 0, id="depthwise x2"),
        # a dense convolution with MVE, and room for its 3 * 9 weights in another order
        pytest.param(depthwise((1, 8, 8, 1), (3, 3), DepthwiseConv2D(multiplier=3)), 0, 91, id="one channel x3"),
    ],
)
def test_what_layers_need(graph: Graph, scalar: int, mve: int) -> None:
    assert (scratch(graph, "scalar"), scratch(graph, "mve")) == (scalar, mve)


class Dims(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in "nhwc"]


Params = ctypes.c_int32 * 11
"""Zero points, a depthwise layer's multiplier, and pairs of (pixels, rows): stride, padding, dilation; the limits."""


def asked(case: Case, isa: str, library: ctypes.CDLL) -> int:
    """What CMSIS-NN's own function says."""
    kind, op, graph = case.op.kind, case.op, case.graph
    x, out = graph.operand(op, 0), graph.result(op)
    suffix = {"scalar": "dsp", "mve": "mve"}[isa]
    if kind == "average_pool2d":
        return int(library[f"arm_avgpool_s8_get_buffer_size_{suffix}"](out.shape[2], x.shape[3]))
    a = convolution.attrs(op)
    multiplier = (a.multiplier,) if isinstance(a, DepthwiseConv2D) else ()
    pairs = (*a.stride[::-1], a.padding.left, a.padding.top, *a.dilation[::-1])
    params = Params(-x.zero_point, out.zero_point, *multiplier, *pairs, -128, 127)
    shapes = (Dims(*t.shape) for t in (x, graph.operand(op, 1), out))
    name = {"conv2d": "convolve", "depthwise_conv2d": "depthwise_conv"}[kind]
    return int(library[f"arm_{name}_wrapper_s8_get_buffer_size_{suffix}"](params, *map(ctypes.byref, shapes)))


@needs_sources
@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_those_of_the_library(kind: str, tmp_path: Path) -> None:
    root = Path(os.environ[VARIABLE])
    sources = (str(path) for path in root.glob("Source/*/arm_*_get_buffer_sizes_s8.c"))
    flags = ("-O1", "-shared", "-fPIC", f"-I{root / INCLUDE}", "-Wl,--unresolved-symbols=ignore-all")
    subprocess.run([*host_model.compiler(), *flags, *sources, "-o", tmp_path / "sizes.so"], check=True)
    library = ctypes.CDLL(str(tmp_path / "sizes.so"), os.RTLD_LAZY)
    cases = drawn(kind, 300) + (single_rows() if kind == "conv2d" else [])
    for case in cases:
        for isa in (isa for isa in ("scalar", "mve") if offered(case.graph, isa)):
            assert scratch(case.graph, isa) == asked(case, isa, library), (case.op, isa)
