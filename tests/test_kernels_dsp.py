"""The kernels of the DSP extension over all tails of channels and pixels, and the proofs that they rest on.

The same operators run in this process, where kernels are plain C, and on emulated cores with the extension.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from support import toolchains
from support.arm_runner import core
from support.kernel_runner import Machine, build, compute, host

from benchmarks.builder import Builder
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ops import conv2d, depthwise_conv2d, fully_connected, narrow
from edgekit_codegen.ops.record import Requant
from edgekit_codegen.reference.arithmetic import quantize_multiplier

CHANNELS = range(1, 34)
PIXELS = range(1, 10)


@pytest.fixture(params=["host", "gnu", "zig", "gnu for size"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Plain C in this process, and either compiler's code on a Cortex-M4; kernels of small code are others."""
    name, _, level = request.param.partition(" for ")
    return host() if name == "host" else core(toolchains.require(name), "cortex-m4", level or "balanced")


def check(machine: Machine, graph: Graph, rng: np.random.Generator, cuts: tuple[int, ...] = ()) -> None:
    """The graph's only operator equals its reference, for random inputs and for both extremes."""
    (op,), shape = graph.ops, graph.tensors[graph.inputs[0]].shape
    for x in (rng.integers(-128, 128, shape).astype(np.int8), *(np.full(shape, v, np.int8) for v in (-128, 127))):
        (expected,) = reference.run(graph, (x,))
        np.testing.assert_array_equal(compute(graph, op, (x,), cuts, machine=machine), expected, str(shape))


def pointwise() -> Iterator[Graph]:
    """All numbers of input and of output channels, in turn with all numbers of pixels."""
    for channels in CHANNELS:
        for in_c, out_c in ((channels, 12), (8, channels), (channels, 34 - channels)):
            builder = Builder(channels)
            x = builder.input(1, channels % 9 + 1, in_c)
            activation = (Activation.NONE, Activation.RELU, Activation.RELU6)[channels % 3]
            yield builder.graph("pointwise", builder.conv(x, out_c, 1, 1, activation))


def test_pointwise_tails(machine: Machine) -> None:
    rng = np.random.default_rng(1)
    forms = set()
    for graph in pointwise():
        check(machine, graph, rng)
        forms.add(conv2d.form(graph, graph.ops[0]))
    assert forms == {conv2d.Form.PAIRS, conv2d.Form.COPIED_PAIRS}


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_windows_of_convolutions(machine: Machine, kernel: int, stride: int) -> None:
    """Borders on every side, widened inputs of all sizes, and windows that are copied."""
    rng = np.random.default_rng(kernel)
    forms = set()
    for pixels in PIXELS:
        for in_c, out_c in ((1, 5), (3, 16), (4, 3), (8, 14), (12, 12), (16, 4)):
            builder = Builder(pixels)
            x = builder.input(pixels % 4 + 1, pixels, in_c)
            graph = builder.graph("windows", builder.conv(x, out_c, kernel, stride))
            check(machine, graph, rng, cuts=(1, 4))
            forms.add(conv2d.form(graph, graph.ops[0]))
    assert {conv2d.Form.PADDED_PAIRS, conv2d.Form.COPIED_PAIRS} <= forms


@pytest.mark.parametrize("stride", [1, 2])
def test_sliding_depthwise_tails(machine: Machine, stride: int) -> None:
    rng = np.random.default_rng(stride)
    for channels in CHANNELS:
        for pixels in (channels % 9 + 1, (channels + 4) % 9 + 1):
            builder = Builder(channels)
            x = builder.input(channels % 3 + 1, pixels, channels)
            graph = builder.graph("slides", builder.depthwise(x, 3, stride))
            assert depthwise_conv2d.form(graph, graph.ops[0]) is depthwise_conv2d.Form.COLUMNS
            check(machine, graph, rng, cuts=(1, 3))


@pytest.mark.parametrize("pixels", PIXELS)
@pytest.mark.parametrize("stride", [1, 2])
def test_sliding_depthwise_pixels(machine: Machine, stride: int, pixels: int) -> None:
    """Every strip of every row, as tiles make them, and rows that are missing on either side."""
    rng = np.random.default_rng(pixels)
    builder = Builder(pixels)
    graph = builder.graph("slides", builder.depthwise(builder.input(4, pixels, 3), 3, stride))
    width = graph.result(graph.ops[0]).shape[2]
    for first in range(width):
        for end in range(first + 1, width + 1):
            check(machine, graph, rng, cuts=(first, end))


@pytest.mark.parametrize(("kernel", "dilation"), [(5, 1), (7, 1), (3, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_other_depthwise_tails(machine: Machine, kernel: int, stride: int, dilation: int) -> None:
    if stride > 1 and dilation > 1:
        pytest.skip("no such operator")
    rng = np.random.default_rng(kernel)
    for channels in CHANNELS:
        builder = Builder(channels)
        x = builder.input(channels % 4 + 2, channels % 9 + 1, channels)
        graph = builder.graph("taps", builder.depthwise(x, kernel, stride, dilation=dilation))
        check(machine, graph, rng, cuts=(1, 4))


def test_fully_connected_tails(machine: Machine) -> None:
    rng = np.random.default_rng(3)
    for channels in CHANNELS:
        for in_c, out_c in ((channels, 7), (40, channels)):
            builder = Builder(channels)
            graph = builder.graph("dense", builder.dense(builder.input(1, 1, in_c), out_c))
            assert fully_connected.in_pairs(graph, graph.ops[0]) == (in_c >= 4)
            check(machine, graph, rng)


def test_a_clamp_within_int8(machine: Machine) -> None:
    """An activation whose bound is not int8's: the epilogue clamps further."""
    rng = np.random.default_rng(4)
    for kind in ("conv", "depthwise"):
        builder = Builder(5)
        x = builder.input(4, 7, 10)
        made = builder.conv(x, 10, 3, 1, Activation.RELU6) if kind == "conv" else builder.depthwise(x, 3)
        graph = builder.graph("clamped", made)
        (op,) = graph.ops
        out = replace(graph.result(op), quant=Quant((0.1,), (-60,)))
        op = replace(op, attrs=replace(op.attrs, activation=Activation.RELU6))
        check(machine, graph.with_ops((op,), {**graph.tensors, out.id: out}), rng)


def saturated(taps: int, *each: int) -> Graph:
    """A 1x1 convolution of so many inputs into outputs with equal weights each, and a zero point of -128."""
    builder, count = Builder(0), len(each)
    graph = builder.graph("saturated", builder.conv(builder.input(1, 3, taps), count))
    (op,) = graph.ops
    x, weights, bias = (graph.operand(op, i) for i in range(3))
    data = np.broadcast_to(np.array(each, np.int8)[:, None, None, None], weights.shape).copy()
    changed = (
        replace(x, quant=Quant((1 / 255,), (-128,))),
        replace(weights, data=data, quant=Quant((1 / 127 / taps,) * count, (0,) * count, 0)),
        replace(bias, data=np.zeros(count, np.int32), quant=Quant((1 / 255 / 127 / taps,) * count, (0,) * count, 0)),
    )
    return graph.with_ops((op,), {**graph.tensors, **{t.id: t for t in changed}})


def test_the_largest_sums_of_a_pair(machine: Machine) -> None:
    """259 * 127 * 255 is just less than 2^23, 260 * 127 * 255 is more: the odd output would lose its sign."""
    rng = np.random.default_rng(5)
    for taps, form in ((259, conv2d.Form.PAIRS), (260, conv2d.Form.PLAIN)):
        graph = saturated(taps, -127, 127)
        assert conv2d.form(graph, graph.ops[0]) is form
        check(machine, graph, rng)


@pytest.mark.parametrize(
    ("even", "odd", "form"),
    [
        (0, -128, conv2d.Form.PAIRS),
        (-1, -128, conv2d.Form.PLAIN),  # 256 * -128 - 1 has 17 bits
        (-128, -127, conv2d.Form.PAIRS),
        (127, 127, conv2d.Form.PAIRS),
    ],
)
def test_pairs_of_weights_fit_16_bits(machine: Machine, even: int, odd: int, form: conv2d.Form) -> None:
    graph = saturated(8, even, odd)
    assert conv2d.form(graph, graph.ops[0]) is form
    check(machine, graph, np.random.default_rng(6))


@pytest.mark.parametrize(("before", "form"), [(0, conv2d.Form.PAIRS), (-1, conv2d.Form.PLAIN)])
def test_the_last_tile_has_pairs_of_its_own(machine: Machine, before: int, form: conv2d.Form) -> None:
    """Of seven channels it has 3 to 6: channel 4 is even in the tile before, and odd beside channel 3."""
    graph = saturated(8, 1, 1, 1, before, -128, 1, 1)
    assert conv2d.form(graph, graph.ops[0]) is form
    check(machine, graph, np.random.default_rng(7))


FINISH = """
#include "ek_dsp.h"
int first_difference(const int32_t *sums, int n, int32_t multiplier, int32_t shift, int32_t rounding, int32_t zero,
                     int32_t low);
int first_difference(const int32_t *sums, int n, int32_t multiplier, int32_t shift, int32_t rounding, int32_t zero,
                     int32_t low)
{
    const ek_requant_t plain = {0, multiplier, shift}, narrow = {rounding, multiplier, -shift};
    for (int i = 0; i < n; ++i) {
        if (ek_finish(sums[i], &plain, zero, low, 127) != ek_finish_narrow(sums[i] * 2, &narrow, zero, low, 127)) {
            return i;
        }
    }
    return -1;
}
"""


def edges(factor: float, zero: int) -> np.ndarray:
    """All sums near which an output changes, and the ends of the range that is proved."""
    middles = np.round((np.arange(-128, 129) - zero - 0.5) / factor).astype(np.int64)
    near = (middles[:, None] + np.arange(-6, 7)).reshape(-1)
    ends = np.array([0, 1, -1, (1 << 30) - 1, 1 - (1 << 30)])
    sums = np.concatenate([near, ends])
    return sums[np.abs(sums) < 1 << 30].astype(np.int32)


def test_the_short_epilogue_at_every_edge() -> None:
    """Factors of every shift that the proof allows, with multipliers at their ends and between."""
    library = build(FINISH)
    rng = np.random.default_rng(7)
    compared = 0
    for shift in range(1, 24):
        for mantissa in (0.5, 0.5 + 2.0**-31, 0.75, 1 - 2.0**-31, *rng.uniform(0.5, 1, 40)):
            factor = float(mantissa) * 2.0**-shift
            multiplier, exponent = quantize_multiplier(factor)
            for zero in (-128, -1, 0, 5, 127):
                requant = Requant(*(np.array([v], np.int32) for v in (0, multiplier, exponent)))
                if not narrow.finishes(np.array([1]), requant, zero):
                    continue
                sums = edges(factor, zero)
                rounding = int(narrow.epilogue(requant, zero).bias[0])
                for low in (-128, zero):
                    at = library.first_difference(
                        sums.ctypes.data_as(ctypes.c_void_p), len(sums), multiplier, exponent, rounding, zero, low
                    )
                    assert at == -1, (sums[at], multiplier, exponent, zero, low)
                    compared += len(sums)
    assert compared > 1_000_000


@pytest.mark.parametrize(
    ("largest", "shift", "zero", "proved"),
    [
        ((1 << 30) - 1, -1, 0, True),
        (1 << 30, -1, 0, False),
        (1, 0, 0, False),
        (1, 1, 0, False),
        (1, -22, 127, True),
        (1, -24, 127, False),
    ],
)
def test_what_the_short_epilogue_is_proved_for(largest: int, shift: int, zero: int, proved: bool) -> None:
    requant = Requant(*(np.array([v], np.int32) for v in (0, 1 << 30, shift)))
    assert narrow.finishes(np.array([largest]), requant, zero) is proved
