"""The kernels for Armv6-M over all tails of channels and pixels on an emulated Cortex-M0, and in plain C."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.arm_runner import core
from support.kernel_runner import Machine, Way, compute, host, prepare, ways

from benchmarks.builder import Builder
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.ops.record import Requant
from edgekit_codegen.providers import kernel_of, v6m_scale
from edgekit_codegen.reference.arithmetic import quantize_multipliers, requantize_to_int8
from edgekit_codegen.target import Target

CHANNELS = range(1, 34)
PIXELS = range(1, 10)
ACTIVATIONS = (Activation.NONE, Activation.RELU, Activation.RELU6)
V6M = Target("v6m", (), isa="v6m")


def offered(graph: Graph) -> bool:
    """Whether the graph's only operator has a kernel of its own for Armv6-M."""
    (op,) = graph.ops
    return kernel_of(graph, op, V6M) is not TABLE[op.kind].kernel


def check(toolchain: str, cases: Iterable[tuple[Graph, tuple[int, ...]]]) -> None:
    """Each graph's only operator, cut into strips, equals its reference for random inputs and for both extremes.

    toolchain  for a Cortex-M0; "host": in plain C, where undefined behaviour ends the process
    """
    machine: Machine = host("v6m") if toolchain == "host" else core(toolchain, "cortex-m0", isa="v6m")
    rng = np.random.default_rng(1)
    for graph, cuts in cases:
        assert offered(graph), graph.name
        shapes = [graph.tensors[i].shape for i in graph.inputs]
        values = [tuple(rng.integers(-128, 128, s).astype(np.int8) for s in shapes)]
        values += [tuple(np.full(s, v, np.int8) for s in shapes) for v in (-128, 127)]
        for x in values:
            (expected,) = reference.run(graph, x)
            for way in ways(graph, graph.ops[0], "v6m"):
                result = compute(graph, graph.ops[0], x, cuts, machine=machine, way=way)
                np.testing.assert_array_equal(result, expected, f"{graph.name} {x[0].shape} {way}")


both = pytest.mark.parametrize("toolchain", ["gnu", "zig", "host"])


def conv(
    rows: int, pixels: int, in_c: int, out_c: int, kernel: int = 1, stride: int = 1, act: Activation = Activation.RELU6
) -> Graph:
    builder = Builder(pixels + out_c)
    return builder.graph("conv", builder.conv(builder.input(rows, pixels, in_c), out_c, kernel, stride, act))


def words(graph: Graph) -> int:
    """Of an epilogue, which says how the graph's only operator scales."""
    (op,) = graph.ops
    found = kernel_of(graph, op, V6M).params(graph, op)["words"]
    assert isinstance(found, int)
    return found


@both
def test_pointwise_tails(toolchain: str) -> None:
    """All numbers of input and of output channels, in turn with all numbers of pixels."""
    graphs = [
        conv(2, n % 9 + 1, in_c, out_c, act=ACTIVATIONS[n % 3]) for n in CHANNELS for in_c, out_c in ((n, 6), (8, n))
    ]
    graphs += [conv(3, 3, in_c, 5) for in_c in (64, 96, 160, 161, 300)]
    check(toolchain, [(graph, (2,)) for graph in graphs])


@both
def test_windows_of_convolutions(toolchain: str) -> None:
    """Borders on every side, an odd number of taps in a row, and strips of any width."""
    cases = [
        (conv(pixels % 4 + 1, pixels, in_c, out_c, kernel, stride), (1, 4))
        for kernel in (3, 5)
        for stride in (1, 2)
        for pixels in PIXELS
        for in_c, out_c in ((1, 5), (3, 6), (8, 4))
    ]
    wide = conv(2, 7, 3, 4, 3)
    cases += [(wide, (first, end)) for first in range(7) for end in range(first + 1, 8)]
    check(toolchain, cases)


@both
def test_depthwise_tails(toolchain: str) -> None:
    """All numbers of channels, and all forms of windows."""
    cases = []
    for channels in CHANNELS:
        for kernel, stride, dilation in (
            (3, 1, 1),
            (3, 2, 1),
            ((5, 2, 1), (7, 1, 1), (3, 1, 2), (2, 1, 1))[channels % 4],
        ):
            builder = Builder(channels)
            x = builder.input(channels % 3 + 1, (channels + kernel) % 9 + 1, channels)
            act = ACTIVATIONS[(channels + stride) % 3]
            graph = builder.depthwise(x, kernel, stride, act, dilation)
            cases.append((builder.graph("depthwise", graph), (1, 4)))
    check(toolchain, cases)


@both
def test_depthwise_pixels(toolchain: str) -> None:
    """Every strip of a row, as tiles make them."""
    cases = []
    for stride in (1, 2):
        for channels in (3, 8):
            builder = Builder(channels)
            graph = builder.graph("strips", builder.depthwise(builder.input(4, 9, channels), 3, stride))
            width = graph.result(graph.ops[0]).shape[2]
            cases += [(graph, (first, end)) for first in range(width) for end in range(first + 1, width + 1)]
    check(toolchain, cases)


@both
def test_fully_connected_tails(toolchain: str) -> None:
    cases = []
    for channels in CHANNELS:
        for in_c, out_c in ((channels, 7), (9, channels)):
            builder = Builder(channels)
            act = ACTIVATIONS[channels % 3]
            cases.append((builder.graph("dense", builder.dense(builder.input(1, 1, in_c), out_c, act)), ()))
    check(toolchain, cases)


def addition(n: int, a: Quant, b: Quant, out: Quant, act: Activation) -> Graph:
    builder = Builder(n)
    x, y = builder.input(1, n % 9 + 1, n), builder.input(1, n % 9 + 1, n)
    graph = builder.graph("add", builder.add(x, y, act))
    (op,) = graph.ops
    quants = ((op.inputs[0], a), (op.inputs[1], b), (op.outputs[0], out))
    changed = {ident: replace(graph.tensors[ident], quant=quant) for ident, quant in quants}
    return graph.with_ops(graph.ops, {**graph.tensors, **changed})


@both
def test_addition_tails(toolchain: str) -> None:
    """Either input has the larger scale, or both have the same."""
    cases = []
    for n in CHANNELS:
        for a, b in ((0.1, 0.03), (0.02, 0.07)):
            quants = Quant((a,), (n - 20,)), Quant((b,), (20 - n,)), Quant((0.09,), (5 - n,))
            cases.append((addition(n, *quants, ACTIVATIONS[n % 3]), (2,)))
    check(toolchain, cases)


def rescaled(graph: Graph, weights: np.ndarray, scale: float, zero: int) -> Graph:
    """The graph's only operator with these weights, one scale of theirs, and this zero point of the output."""
    (op,) = graph.ops
    held, bias, out = graph.operand(op, 1), graph.operand(op, 2), graph.result(op)
    assert held.quant is not None and out.quant is not None
    count = len(held.quant.scale)
    factor = graph.operand(op, 0).scale * scale
    changed = (
        replace(
            held, data=weights.reshape(held.shape).astype(np.int8), quant=replace(held.quant, scale=(scale,) * count)
        ),
        replace(bias, quant=replace(held.quant, scale=(factor,) * count, axis=0)),
        replace(out, quant=replace(out.quant, zero_point=(zero,))),
    )
    return graph.with_ops(graph.ops, {**graph.tensors, **{tensor.id: tensor for tensor in changed}})


def clamped(graph: Graph) -> Graph:
    """Its outputs are no less than their zero point, which is not the least int8."""
    (op,) = graph.ops
    out = graph.result(op)
    assert out.quant is not None and isinstance(op.attrs, Conv2D)
    moved = {out.id: replace(out, quant=replace(out.quant, zero_point=(-5,)))}
    attrs = replace(op.attrs, activation=Activation.RELU)
    return graph.with_ops((replace(op, attrs=attrs),), {**graph.tensors, **moved})


def extreme(kind: str, fill: int, scale: float, zero: int) -> Graph:
    """All weights are as large as they can be; of every other channel they have the other sign."""
    builder = Builder(3)
    x = builder.input(3, 4, 70)
    y = builder.conv(x, 4, 1) if kind == "conv2d" else builder.depthwise(x, 3)
    graph = builder.graph(kind, y)
    (op,) = graph.ops
    weights = np.full(graph.operand(op, 1).shape, fill)
    np.moveaxis(weights, 0 if kind == "conv2d" else 3, 0)[1::2] *= -1
    return rescaled(graph, weights, scale, zero)


@pytest.mark.parametrize("kind", ["conv2d", "depthwise_conv2d"])
def test_the_largest_sums_and_every_kind_of_epilogue(kind: str) -> None:
    """Halves of words are full, as inputs are at both ends."""
    cases = [extreme(kind, 127, scale, zero) for scale in (0.0003, 0.003, 0.02) for zero in (-128, -3, 90)]
    if kind == "conv2d":
        cases += [conv(2, 3, in_c, 9, act=ACTIVATIONS[in_c % 3]) for in_c in range(20, 33)]
        cases += [clamped(extreme(kind, 127, 0.003, -3)), clamped(conv(2, 5, 70, 9, 3)), clamped(conv(1, 3, 200, 11))]
    check("gnu", [(graph, ()) for graph in cases])
    assert {words(graph) for graph in cases} >= ({0, 3, 5} if kind == "conv2d" else {3, 5})


def test_weights_whose_groups_do_not_fit_are_left_to_others() -> None:
    """Two weights of -128 side by side make sums of 2^15."""
    assert not offered(extreme("conv2d", -128, 0.003, -128))
    assert offered(extreme("conv2d", -127, 0.003, -128))


def test_the_second_row_may_overwrite_the_first_one_s_input() -> None:
    """As plans have it: of two rows, the output of the second begins to live when the input of the first is dead."""
    machine = core("gnu", "cortex-m0", isa="v6m")
    for channels in (8, 16, 48):
        graph = conv(2, 5, channels, channels)
        (op,), rng = graph.ops, np.random.default_rng(channels)
        x = rng.integers(-128, 128, (1, 2, 5, channels)).astype(np.int8)
        (expected,) = reference.run(graph, (x,))
        for way in (Way(coupled=True), Way(roomy=True, coupled=True)):
            assert way in ways(graph, op, "v6m")
            machine.memory.used = 0
            prepared = prepare(machine, graph, op, (x,), way=way)
            rows, out = (machine.memory.view(int(prepared.calls[0][name]), 8).view(np.uint32) for name in ("in", "out"))
            out[1] = rows[0]
            machine.run(prepared.calls)
            found = [machine.memory.view(int(address), 5 * channels).view(np.int8) for address in out]
            np.testing.assert_array_equal(np.stack(found).reshape(expected.shape), expected)


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, Requant, int]:
    """Weights [channels, taps], their epilogue, and the output's zero point."""
    channels, taps = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    weights = np.array(draw(st.lists(st.integers(-127, 127), min_size=channels * taps, max_size=channels * taps)))
    factors = [2.0 ** draw(st.floats(-14, -1.01)) for _ in range(channels)]
    multiplier, shift = quantize_multipliers(factors)
    bias = np.array([draw(st.integers(-100_000, 100_000)) for _ in range(channels)])
    zero = draw(st.one_of(st.just(-128), st.integers(-128, 127)))
    return weights.reshape(channels, taps), Requant(bias, multiplier, shift), zero


@given(layers())
@settings(max_examples=60, deadline=None)
def test_a_scale_is_the_reference_s_for_every_sum(layer: tuple[np.ndarray, Requant, int]) -> None:
    """All of them, from the least to the largest, in 32 bits."""
    weights, requant, zero = layer
    low, high = v6m_scale.ends(weights)
    scale = v6m_scale.scale(low, high, requant, zero)
    if scale is None:
        return
    for channel, row in enumerate(scale.table.astype(np.int64)):
        sums = np.arange(low[channel], high[channel] + 1)
        total = sums + requant.bias[channel]
        wanted = requantize_to_int8(total, requant.multiplier[channel], requant.shift[channel], zero, (-128, 127))
        np.testing.assert_array_equal(scaled(sums, row, scale.centre), wanted)


def scaled(sums: np.ndarray, row: np.ndarray, centre: int) -> np.ndarray:
    """As ek_v6m_scale does it; every step fits 32 bits."""

    def held(values: np.ndarray) -> np.ndarray:
        assert np.abs(values).max() < 1 << 31
        return values

    bias, high, *lower = row[:3] if len(row) == 3 else row[:4]
    last, shift = lower[-1] >> 8, lower[-1] & 31
    carried = held(sums * last) >> (12 if len(row) == 3 else 10)
    if len(row) > 3:
        carried = held(sums * lower[0] + carried) >> 10
    total = held(held(held(sums * high) + carried) + bias)
    if len(row) == 5:
        total = held(total - np.where(total < 0, row[4], 0) + (centre << shift >> 1))
    return np.clip(total >> shift, -128, 127)


@given(
    st.tuples(st.floats(0.01, 0.2), st.floats(0.01, 0.2), st.floats(0.02, 0.3)),
    st.tuples(*[st.integers(-128, 127)] * 3),
    st.sampled_from(ACTIVATIONS),
)
@settings(max_examples=15, deadline=None)
def test_a_sum_is_the_reference_s_for_every_pair(
    scales: tuple[float, float, float], zeros: tuple[int, int, int], act: Activation
) -> None:
    builder = Builder(1)
    x, y = builder.input(256, 256, 1), builder.input(256, 256, 1)
    graph = builder.graph("add", builder.add(x, y, act))
    (op,) = graph.ops
    changed = {
        ident: replace(graph.tensors[ident], quant=Quant((scale,), (zero,)))
        for ident, scale, zero in zip((*op.inputs, *op.outputs), scales, zeros, strict=True)
    }
    graph = graph.with_ops(graph.ops, {**graph.tensors, **changed})
    if not offered(graph):
        return
    p = kernel_of(graph, op, V6M).params(graph, op)
    a, b = np.meshgrid(*[np.arange(-128, 128)] * 2, indexing="ij")
    (expected,) = reference.run(
        graph, (a.reshape(1, 256, 256, 1).astype(np.int8), b.reshape(1, 256, 256, 1).astype(np.int8))
    )
    total = a * p["factor"][0] + b * p["factor"][1] + p["bias"]  # type: ignore[index,operator]
    assert np.abs(total).max() < 1 << 31
    np.testing.assert_array_equal(np.clip(total >> p["shift"], p["act_min"], p["act_max"]), expected.reshape(256, 256))
