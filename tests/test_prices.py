"""What calls of kernels are estimated to cost, next to what they execute on an emulated core with the DSP extension."""

from __future__ import annotations

import numpy as np
import pytest
from support import toolchains
from support.arm_runner import core
from support.kernel_runner import Way, prepare

from benchmarks.builder import Builder
from edgekit_codegen.ir import Graph
from edgekit_codegen.ops import TABLE, conv2d, depthwise_conv2d
from edgekit_codegen.prices import Price, evenly, price


def pointwise(channels: int) -> Graph:
    builder = Builder(1)
    return builder.graph("pointwise", builder.conv(builder.input(1, 24, channels), 3 * channels, 1, 1))


def window(channels: int, kernel: int = 3) -> Graph:
    builder = Builder(1)
    return builder.graph("window", builder.conv(builder.input(40, 60, channels), 16, kernel, 1))


def depthwise(channels: int, kernel: int, stride: int) -> Graph:
    builder = Builder(1)
    return builder.graph("depthwise", builder.depthwise(builder.input(60, 90, channels), kernel, stride))


GRAPHS = {
    **{f"pointwise {c}": pointwise(c) for c in (8, 24, 48, 64)},
    **{f"window {c}": window(c) for c in (3, 8, 16, 64)},
    "plain": window(9, 5),
    **{f"depthwise {k}x{k}/{s}, {c}": depthwise(c, k, s) for c in (16, 96) for k in (3, 5, 7) for s in (1, 2)},
}


def executed(graph: Graph, pixels: int) -> int:
    """Instructions of one call for pixels of the midmost row, none of them near its borders; with spare memory where
    that helps."""
    machine, (op,) = core(toolchains.require("gnu"), "cortex-m7"), graph.ops
    machine.memory.used = 0
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)
    kernel = TABLE[op.kind].kernel
    assert kernel is not None
    way = Way(roomy=kernel.spare(graph, op) > 0)
    calls = prepare(machine, graph, op, (x,), (8, 8 + pixels), way=way).calls
    middle = graph.result(op).hwc[0] // 2 * 3 + 1
    return machine.executed(calls[middle : middle + 1])


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("pixels", [1, 2, 3, 4])
def test_a_call_is_estimated_near_what_it_executes(name: str, pixels: int) -> None:
    """For any number of pixels, so that tiles of different sizes compare. Models have their constants inlined and need
    less around each pixel."""
    graph = GRAPHS[name]
    found, few = price(graph, graph.ops[0]).of(pixels), 150 * (pixels + 1)
    count = executed(graph, pixels)
    assert count * 0.88 - few < found < count * 1.12, (count, found)


def test_all_forms_are_estimated() -> None:
    found = {
        (g.ops[0].kind, int((conv2d if g.ops[0].kind == "conv2d" else depthwise_conv2d).form(g, g.ops[0])))
        for g in GRAPHS.values()
    }
    forms = {*(("conv2d", int(f)) for f in conv2d.Form), *(("depthwise_conv2d", int(f)) for f in (1, 2))}
    assert forms <= found


def test_pixels_in_pairs_and_one_alone() -> None:
    assert [Price(10, 5, 2).of(n) for n in (1, 2, 3)] == [17, 20, 27]


def test_evenly_a_row_in_parts_costs_what_it_costs_at_once() -> None:
    graph = pointwise(24)
    op = graph.ops[0]
    even, priced = evenly(graph, op), price(graph, op)
    assert even.of(24) == pytest.approx(priced.of(24)) == pytest.approx(24 * even.of(1))
    assert 24 * priced.of(1) > 1.2 * priced.of(24)


def test_taps_outside_the_image_cost_nothing() -> None:
    """A 7x7 window on a 3x3 image: nine taps at most."""
    builder = Builder(1)
    small = builder.graph("small", builder.depthwise(builder.input(3, 3, 16), 7, 1))
    large = depthwise(16, 7, 1)
    assert price(small, small.ops[0]).of(1) < 0.4 * price(large, large.ops[0]).of(1)


def test_what_ran_before_is_counted_like_the_rest() -> None:
    """Code that the emulator has translated already is counted, too."""
    graph, machine = pointwise(8), core(toolchains.require("gnu"), "cortex-m7")
    before = executed(graph, 4)
    x = np.zeros(graph.tensors[graph.inputs[0]].shape, np.int8)
    machine.memory.used = 0
    machine.run(prepare(machine, graph, graph.ops[0], (x,)).calls)
    assert executed(graph, 4) == before
