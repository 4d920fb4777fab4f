"""Kernels with spare working memory, and for two rows at once, over all tails of channels and pixels.

The same operators run in this process, where kernels are plain C, and on emulated cores with the DSP extension.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import toolchains
from support.arm_runner import core
from support.kernel_runner import Machine, Way, compute, host, prepare

from benchmarks.builder import Builder
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ops import TABLE, conv2d

ROOMY, ROWS, BOTH = Way(roomy=True), Way(coupled=True), Way(roomy=True, coupled=True)


@pytest.fixture(params=["host", "gnu", "zig", "gnu for size"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Plain C in this process, and either compiler's code on a Cortex-M4; kernels of small code are others."""
    name, _, level = request.param.partition(" for ")
    return host() if name == "host" else core(toolchains.require(name), "cortex-m4", level or "balanced")


def check(machine: Machine, graph: Graph, way: Way, cuts: tuple[int, ...] = ()) -> None:
    """The graph's only operator equals its reference, for random inputs and for both extremes."""
    (op,), shape = graph.ops, graph.tensors[graph.inputs[0]].shape
    rng = np.random.default_rng(shape[3])
    for x in (rng.integers(-128, 128, shape).astype(np.int8), *(np.full(shape, v, np.int8) for v in (-128, 127))):
        (expected,) = reference.run(graph, (x,))
        np.testing.assert_array_equal(compute(graph, op, (x,), cuts, machine=machine, way=way), expected, str(shape))


def low(graph: Graph, zero: int) -> Graph:
    """The same with another zero point of the output: epilogues differ where it is -128."""
    out = graph.result(graph.ops[0])
    return graph.with_ops(graph.ops, {**graph.tensors, out.id: replace(out, quant=Quant((0.05,), (zero,)))})


def pointwise(pixels: int, rows: int, in_c: int, out_c: int, zero: int = -128) -> Graph:
    builder = Builder(in_c + out_c)
    made = builder.conv(builder.input(rows, pixels, in_c), out_c, 1, 1, Activation.NONE)
    return low(builder.graph("pointwise", made), zero)


def spare(graph: Graph) -> int:
    kernel = TABLE["conv2d"].kernel
    assert kernel is not None
    return kernel.spare(graph, graph.ops[0])


@pytest.mark.parametrize("zero", [-128, 3])
def test_pointwise_tails(machine: Machine, zero: int) -> None:
    """All numbers of input and of output channels, in turn with all numbers of pixels."""
    for channels in range(4, 34):
        for in_c, out_c in ((channels, 12), (8, channels), (channels, 38 - channels)):
            graph = pointwise(channels % 9 + 1, 1, in_c, out_c, zero)
            if spare(graph):
                check(machine, graph, ROOMY)
            else:
                assert out_c < 8


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_windows(machine: Machine, kernel: int, stride: int) -> None:
    """Borders on every side, images that are smaller than the window, strips, and channels that fill no quads."""
    for pixels in range(1, 10):
        for in_c, out_c in ((4, 8), (8, 14), (4, 9)):
            builder = Builder(pixels)
            x = builder.input(pixels % 5 + 1, pixels, in_c)
            graph = builder.graph("windows", builder.conv(x, out_c, kernel, stride, Activation.NONE))
            assert conv2d.form(graph, graph.ops[0]) in (conv2d.Form.PAIRS, conv2d.Form.PADDED_PAIRS)
            check(machine, low(graph, (-128, 7)[pixels % 2]), ROOMY, cuts=(1, 4))


@pytest.mark.parametrize("way", [ROWS, BOTH])
def test_two_rows_at_once(machine: Machine, way: Way) -> None:
    """On the stack as well, and one row where there is no second one."""
    for channels in range(4, 30):
        pixels, rows = (1, 3, 5)[channels % 3], channels % 4 + 1
        for in_c, out_c in ((channels, 12), (8, channels + 4), (100 + channels, 16)):
            graph = pointwise(pixels, rows, in_c, out_c, (-128, 3)[channels % 2])
            assert conv2d.couples(graph, graph.ops[0])
            check(machine, graph, way)


@pytest.mark.parametrize("way", [ROWS, BOTH])
def test_the_second_row_may_overwrite_the_first_one_s_input(machine: Machine, way: Way) -> None:
    """As plans have it: of two rows, the output of the second begins to live when the input of the first is dead."""
    for channels in (8, 16, 48, 112):
        graph = pointwise(5, 2, channels, channels)
        (op,), rng = graph.ops, np.random.default_rng(channels)
        x = rng.integers(-128, 128, (1, 2, 5, channels)).astype(np.int8)
        (expected,) = reference.run(graph, (x,))
        machine.memory.used = 0
        prepared = prepare(machine, graph, op, (x,), way=way)
        size = np.dtype(machine.memory.word).itemsize
        rows, out = (
            machine.memory.view(int(prepared.calls[0][name]), 2 * size).view(machine.memory.word)
            for name in ("in", "out")
        )
        out[1] = rows[0]
        machine.run(prepared.calls)
        found = [machine.memory.view(int(address), 5 * channels).view(np.int8) for address in out]
        np.testing.assert_array_equal(np.stack(found).reshape(expected.shape), expected)


def test_only_odd_rows_of_pixels_are_coupled() -> None:
    graph = pointwise(4, 3, 8, 8)
    assert not conv2d.couples(graph, graph.ops[0])
    builder = Builder(1)
    graph = builder.graph("window", builder.conv(builder.input(5, 5, 8), 8, 3, 1))
    assert not conv2d.couples(graph, graph.ops[0])


def test_spare_memory_is_asked_for_where_it_helps() -> None:
    """16 bit for every input of two pixels, in whole blocks; none for a single tile or clamps within int8."""
    assert [spare(pointwise(4, 1, in_c, 8)) for in_c in (8, 9, 16)] == [32, 48, 64]
    assert spare(pointwise(4, 1, 8, 7)) == 0
    graph = pointwise(4, 1, 8, 8)
    (op,) = graph.ops
    clamped = graph.with_ops((replace(op, attrs=replace(op.attrs, activation=Activation.RELU6)),), graph.tensors)
    assert spare(low(clamped, 0)) == 0
