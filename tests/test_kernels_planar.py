"""Depthwise convolutions that overwrite their input, a few channels at a time: equal to the reference everywhere."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from support import conv_graphs, toolchains
from support.arm_runner import CORES, core
from support.conv_graphs import Case
from support.graph_builder import GraphBuilder
from support.kernel_runner import Machine, Way, compute, host

from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph
from edgekit_codegen.ops import TABLE, depthwise_conv2d
from edgekit_codegen.ops.attributes import DepthwiseConv2D, Padding
from edgekit_codegen.ops.depthwise_conv2d import Form

PLANAR = Way(planar=True)


def check(case: Case, machine: Machine) -> None:
    (result,) = reference.run(case.graph, case.inputs)
    for in_place in (0, None):
        found = compute(case.graph, case.op, case.inputs, in_place=in_place, machine=machine, way=PLANAR)
        np.testing.assert_array_equal(found, result)


@given(conv_graphs.planar())
def test_planes_are_the_reference(case: Case) -> None:
    check(case, host())


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("toolchain", toolchains.NAMES)
def test_planes_on_every_core_are_the_reference(toolchain: str, name: str) -> None:
    machine = core(toolchains.require(toolchain), name)

    @given(conv_graphs.planar())
    @settings(max_examples=10)
    def each(case: Case) -> None:
        check(case, machine)

    each()


def layer(channels: int, size: int = 7, kernel: int = 3, activation: Activation = Activation.NONE) -> Graph:
    b, before = GraphBuilder(channels), kernel // 2
    x = b.input((1, size, size, channels))
    attrs = DepthwiseConv2D(padding=Padding(before, before, before, before), activation=activation)
    return b.graph(b.depthwise(x, (kernel, kernel), attrs))


def test_every_number_of_channels_in_every_form() -> None:
    """Planes of 4, 8 and 16 channels, with each rest that there can be."""
    met: Counter[tuple[Form, int]] = Counter()
    rng = np.random.default_rng(0)
    for channels in range(1, 34):
        for size, kernel, activation in ((7, 3, Activation.NONE), (9, 5, Activation.RELU), (12, 3, Activation.RELU6)):
            graph = layer(channels, size, kernel, activation)
            planes = TABLE["depthwise_conv2d"].planar(graph, graph.ops[0])
            assert planes is not None
            met[depthwise_conv2d.form(graph, graph.ops[0]), planes.channels] += 1
            case = Case(graph, (conv_graphs.int8_values(rng, (1, size, size, channels)),))
            check(case, host())
    assert {form for form, _ in met} == set(Form)
    assert {count for _, count in met} == {4, 8, 16}


def test_what_cannot_overwrite_its_input_says_so() -> None:
    b = GraphBuilder()
    x = b.input((1, 6, 6, 4))
    same = Padding(1, 1, 1, 1)
    strided = b.depthwise(x, attrs=DepthwiseConv2D((2, 2), padding=same))
    cropped = b.depthwise(x, attrs=DepthwiseConv2D())
    tall = b.depthwise(x, (17, 1), DepthwiseConv2D(padding=Padding(8, 8, 0, 0)))
    images = b.depthwise(b.input((2, 6, 6, 4)), attrs=DepthwiseConv2D(padding=same))
    graph = b.graph(strided, cropped, tall, images)
    assert [TABLE[op.kind].planar(graph, op) for op in graph.ops] == [None] * 4
