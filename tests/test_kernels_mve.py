"""The kernels of Helium over all tails of channels and pixels on an emulated Cortex-M55, and where they apply.

Many calls are one run of QEMU.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import toolchains
from support.kernel_memory import HEADERS
from support.kernel_runner import prepare
from support.m55_runner import FPU, NAME, RAM_BYTES, m55

from benchmarks.builder import Builder
from edgekit import boards
from edgekit.builder.toolchains import choose, machine_flags
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Mean, Quantize, Sum
from edgekit_codegen.ops.record import Requant
from edgekit_codegen.providers import kernel_of, mve_weights
from edgekit_codegen.target import Target, host_target

CHANNELS = range(1, 34)
PIXELS = range(1, 10)
ACTIVATIONS = (Activation.NONE, Activation.RELU, Activation.RELU6)
MVE = Target("mve", (), isa="mve")
HEADERS_OF_HELIUM = sorted(p.name for p in (HEADERS / "kernels").glob("*_mve.h"))
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffreestanding", "-c")
needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not on the PATH")


def offered(graph: Graph) -> bool:
    """Whether the graph's only operator has a kernel of its own for Helium."""
    (op,) = graph.ops
    return kernel_of(graph, op, MVE) is not TABLE[op.kind].kernel


def check(toolchain: str, cases: Iterable[tuple[Graph, tuple[int, ...]]], in_place: int | None = None) -> None:
    """Each graph's only operator, cut into strips, equals its reference for random inputs and for both extremes."""
    machine, rng = m55(toolchains.require(toolchain)), np.random.default_rng(1)
    left = list(cases)
    assert left
    while left:
        machine.reset()
        run = []
        while left and machine.memory.used < RAM_BYTES // 2:
            graph, cuts = left.pop()
            assert offered(graph), graph.name
            shapes = [graph.tensors[i].shape for i in graph.inputs]
            values = [tuple(rng.integers(-128, 128, s).astype(np.int8) for s in shapes)]
            values += [tuple(np.full(s, v, np.int8) for s in shapes) for v in (-128, 127)]
            for x in values:
                run.append((graph, x, prepare(machine, graph, graph.ops[0], x, cuts, in_place)))
        machine.run(np.concatenate([prepared.calls for *_, prepared in run]))
        for graph, x, prepared in run:
            (expected,) = reference.run(graph, x)
            np.testing.assert_array_equal(prepared.result(), expected, f"{graph.name} {x[0].shape}")


both = pytest.mark.parametrize("toolchain", ["gnu", "zig"])


def conv(
    rows: int, pixels: int, in_c: int, out_c: int, kernel: int = 1, stride: int = 1, act: Activation = Activation.RELU6
) -> Graph:
    builder = Builder(pixels + out_c)
    return builder.graph("conv", builder.conv(builder.input(rows, pixels, in_c), out_c, kernel, stride, act))


@needs_qemu
@both
def test_pointwise_tails(toolchain: str) -> None:
    """All numbers of input and of output channels, in turn with all numbers of pixels; one and more pieces."""
    graphs = [
        conv(1, n % 9 + 1, in_c, out_c, act=ACTIVATIONS[n % 3])
        for n in CHANNELS
        for in_c, out_c in ((n, 12), (8, n), (n + 31, 34 - n), (n + 70, n))
    ]
    graphs += [conv(1, 3, in_c, out_c) for in_c in (16, 32, 48, 64, 96) for out_c in (64, 65, 130)]
    check(toolchain, [(graph, (2,)) for graph in graphs])


@needs_qemu
@both
def test_windows_of_convolutions(toolchain: str) -> None:
    """Borders on every side, windows that are copied and windows that are not, and strips of any width."""
    cases = [
        (conv(pixels % 4 + 1, pixels, in_c, out_c, kernel, stride), (1, 4))
        for kernel in (3, 5)
        for stride in (1, 2)
        for pixels in PIXELS
        for in_c, out_c in ((1, 5), (3, 16), (5, 9), (8, 14), (16, 8), (20, 3))
    ]
    wide = conv(2, 7, 3, 8, 3)
    cases += [(wide, (first, end)) for first in range(7) for end in range(first + 1, 8)]
    check(toolchain, cases)


@needs_qemu
@both
def test_depthwise_tails(toolchain: str) -> None:
    """All numbers of channels: pixels side by side in the lanes, blocks of lanes that overlap; all forms of windows."""
    cases = []
    for channels in CHANNELS:
        for kernel, stride, dilation in ((3, 1, 1), (3, 2, 1), (5, 1, 1), (5, 2, 1), (7, 1, 1), (3, 1, 2), (2, 1, 1)):
            builder = Builder(channels)
            x = builder.input(channels % 3 + 1, (channels + kernel) % 9 + 1, channels)
            cases.append((builder.graph("depthwise", builder.depthwise(x, kernel, stride, dilation=dilation)), (1, 4)))
    check(toolchain, cases)


@needs_qemu
@both
def test_depthwise_pixels(toolchain: str) -> None:
    """Every strip of a row, as tiles make them."""
    cases = []
    for stride in (1, 2):
        for channels in (3, 8, 17):
            builder = Builder(channels)
            graph = builder.graph("strips", builder.depthwise(builder.input(4, 9, channels), 3, stride))
            width = graph.result(graph.ops[0]).shape[2]
            cases += [(graph, (first, end)) for first in range(width) for end in range(first + 1, width + 1)]
    check(toolchain, cases)


@needs_qemu
@both
def test_fully_connected_tails(toolchain: str) -> None:
    cases = []
    for channels in CHANNELS:
        for in_c, out_c in ((channels, 7), (100, channels), (channels + 64, 66)):
            builder = Builder(channels)
            cases.append((builder.graph("dense", builder.dense(builder.input(1, 1, in_c), out_c)), ()))
    builder = Builder(0)
    cases.append((builder.graph("image", builder.dense(builder.input(3, 5, 7), 10)), ()))
    check(toolchain, cases)


def addition(n: int, a: Quant, b: Quant, out: Quant, act: Activation) -> Graph:
    builder = Builder(n)
    x, y = builder.input(1, n % 9 + 1, n), builder.input(1, n % 9 + 1, n)
    graph = builder.graph("add", builder.add(x, y, act))
    (op,) = graph.ops
    quants = ((op.inputs[0], a), (op.inputs[1], b), (op.outputs[0], out))
    changed = {ident: replace(graph.tensors[ident], quant=quant) for ident, quant in quants}
    return graph.with_ops(graph.ops, {**graph.tensors, **changed})


@needs_qemu
@both
@pytest.mark.parametrize("in_place", [None, 0, 1])
def test_addition_tails(toolchain: str, in_place: int | None) -> None:
    """Either input has the larger scale, or both have the same."""
    cases = []
    for n in CHANNELS:
        for a, b in ((0.1, 0.03), (0.02, 0.07), (0.05, 0.05)):
            quants = Quant((a,), (n - 20,)), Quant((b,), (20 - n,)), Quant((0.09,), (5 - n,))
            cases.append((addition(n, *quants, ACTIVATIONS[n % 3]), (2,)))
    check(toolchain, cases, in_place)


@needs_qemu
@both
def test_average_tails(toolchain: str) -> None:
    cases = []
    for channels in CHANNELS:
        for kernel, stride in ((2, 2), (3, 1)):
            builder = Builder(channels)
            x = builder.input(3, channels % 8 + 2, channels)
            cases.append((builder.graph("pool", builder.pool("average", x, kernel, stride)), (1, 3)))
    check(toolchain, cases)


def requantized(graph: Graph, x: Quant, out: Quant) -> Graph:
    """The same between other scales."""
    (op,) = graph.ops
    changed = {i: replace(graph.tensors[i], quant=q) for i, q in ((op.inputs[0], x), (op.outputs[0], out))}
    return graph.with_ops(graph.ops, {**graph.tensors, **changed})


SCALES = ((0.1, 0.1), (0.02, 0.07), (0.05, 0.051), (0.0001, 0.9), (0.9, 0.0001), (1.0, 2.0**-21))
"""Of input and output."""


@needs_qemu
@both
def test_reduction_tails(toolchain: str) -> None:
    """Over all pixels, in one piece and in more than a vector's lanes hold; over rows or pixels alone."""
    cases = []
    for n in CHANNELS:
        for rows, pixels, attrs in (
            (n % 5 + 1, n % 9 + 1, Mean((1, 2), True)),
            (17, 16, Mean((1, 2), False)),
            (3, n, Mean((1,), False)),
            (n % 4 + 1, 5, Sum((2,), True)),
        ):
            builder = Builder(n)
            made = builder.graph(
                "reduce", builder.op(type(attrs).__name__.lower(), (builder.input(rows, pixels, n),), attrs)
            )
            scale, to = SCALES[1 + n % 3]
            cases.append((requantized(made, Quant((scale,), (n - 20,)), Quant((to,), (20 - n,))), (2,)))
    check(toolchain, cases)


@needs_qemu
@both
@pytest.mark.parametrize("in_place", [None, 0])
def test_values_of_another_scale(toolchain: str, in_place: int | None) -> None:
    cases = []
    for n in CHANNELS:
        for scale, to in SCALES:
            builder = Builder(n)
            made = builder.graph("quantize", builder.op("quantize", (builder.input(2, n % 9 + 1, n),), Quantize()))
            cases.append((requantized(made, Quant((scale,), (n - 20,)), Quant((to,), (20 - n,))), (2, 3)))
    check(toolchain, cases, in_place)


@needs_qemu
@both
@pytest.mark.parametrize("in_place", [None, 0])
def test_product_tails(toolchain: str, in_place: int | None) -> None:
    """Of two images, and of an image and a pixel on either side, as squeeze and excitation scales channels."""
    cases = []
    for n in CHANNELS:
        for scale in (0.001, 0.09, 30.0):
            for sides in ((0, 0), (0, 1), (1, 0))[: 3 if in_place is None else 2]:
                builder = Builder(n)
                x, y = (builder.input(*((1, 1) if one else (2, n % 9 + 1)), n) for one in sides)
                made = builder.graph("mul", builder.mul(x, y, Quant((0.05 * 0.05 / scale,), (n - 20,))))
                cases.append((made, (2, 3)))
    check(toolchain, cases, in_place)


@needs_qemu
@both
@pytest.mark.parametrize("in_place", [None, 0])
def test_values_through_a_table(toolchain: str, in_place: int | None) -> None:
    cases = []
    for n in CHANNELS:
        builder = Builder(n)
        cases.append((builder.graph("table", builder.sigmoid(builder.input(2, n % 9 + 1, n))), (2, 3)))
    check(toolchain, cases, in_place)


@needs_qemu
@both
def test_maximum_tails(toolchain: str) -> None:
    cases = []
    for channels in CHANNELS:
        for kernel, stride in ((2, 2), (3, 1)):
            builder = Builder(channels)
            x = builder.input(3, channels % 8 + 2, channels)
            cases.append((builder.graph("pool", builder.pool("max", x, kernel, stride)), (1, 3)))
    check(toolchain, cases)


def test_what_is_scaled_up_far_has_the_plain_kernel() -> None:
    builder = Builder(1)
    made = builder.graph("quantize", builder.op("quantize", (builder.input(1, 4, 4),), Quantize()))
    assert offered(requantized(made, Quant((2.0**21,), (1,)), Quant((1.0,), (2,))))
    assert not offered(requantized(made, Quant((2.0**22,), (1,)), Quant((1.0,), (2,))))


@both
@pytest.mark.parametrize("optimize", ["-O1", "-O2", "-O3", "-Os"])
def test_headers_compile_alone_and_cleanly(toolchain: str, optimize: str, tmp_path: Path) -> None:
    """And twice, without anything but the compiler's own headers."""
    tool = choose(toolchains.require(toolchain))
    for header in HEADERS_OF_HELIUM:
        (tmp_path / f"{header}.c").write_text(f'#include "{header}"\n#include "{header}"\ntypedef int {header[:-2]};\n')
    command = [
        *tool.compiler,
        *machine_flags(tool, NAME, FPU),
        *STRICT,
        optimize,
        f"-I{HEADERS}",
        f"-I{HEADERS / 'kernels'}",
    ]
    units = [f"{header}.c" for header in HEADERS_OF_HELIUM]
    done = subprocess.run([*command, *units], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def with_weights(graph: Graph, weights: np.ndarray, scale: float) -> Graph:
    """The graph's only operator with these weights and, for every channel, this scale of theirs."""
    (op,) = graph.ops
    held, bias = graph.operand(op, 1), graph.operand(op, 2)
    assert held.quant is not None and held.quant.axis is not None
    quant = replace(held.quant, scale=(scale,) * len(held.quant.scale))
    factor = graph.operand(op, 0).scale * scale
    changed = (
        replace(held, data=weights.reshape(held.shape).astype(np.int8), quant=quant),
        replace(bias, quant=replace(held.quant, scale=(factor,) * len(held.quant.scale), axis=0)),
    )
    return graph.with_ops(graph.ops, {**graph.tensors, **{tensor.id: tensor for tensor in changed}})


def depthwise(first: int, second: int) -> Graph:
    """3x3 windows whose first two taps have these weights."""
    builder = Builder(1)
    graph = builder.graph("depthwise", builder.depthwise(builder.input(4, 5, 19), 3))
    weights = np.zeros((9, 19), np.int8)
    weights[0], weights[1] = first, second
    return with_weights(graph, weights, 0.001)


@needs_qemu
@both
def test_the_largest_products_of_two_taps(toolchain: str) -> None:
    """128 * (128 + 127) is just less than 2^15; one more would change the sign."""
    check(toolchain, [(depthwise(a, b), ()) for a, b in ((-128, 127), (127, -128), (-128, -127), (127, 127))])
    assert not offered(depthwise(-128, -128))


@needs_qemu
@both
def test_the_largest_scale(toolchain: str) -> None:
    """Outputs are scaled by less than 1/2, whose shift is still to the right, and every half is met."""
    graph, weights = conv(2, 9, 7, 9, act=Activation.NONE), np.arange(-31, 32)
    ratio = graph.result(graph.ops[0]).scale / graph.operand(graph.ops[0], 0).scale
    check(toolchain, [(with_weights(graph, weights, ratio * factor), ()) for factor in (0.499, 0.25, 0.375, 0.125)])
    assert not offered(with_weights(graph, weights, ratio * 0.501))


def test_what_is_left_to_the_records_kernels() -> None:
    builder = Builder(1)
    x = builder.input(5, 5, 8)
    made = (
        builder.conv(x, 8, 3, groups=2),
        builder.conv(x, 8, 3, dilation=2),
        builder.depthwise(x, 8),
        builder.pool("average", x, 16, 1),
        builder.softmax(x),
    )
    graph = builder.graph("several", *made)
    assert [kernel_of(graph, op, MVE) for op in graph.ops] == [TABLE[op.kind].kernel for op in graph.ops]


def test_boards_with_helium_and_no_others_have_its_kernels() -> None:
    targets = [boards.target(board) for board in boards.load_all()]
    assert {target.name for target in targets if target.isa == "mve"} == {"mps3-an547"}
    graph = conv(1, 2, 8, 8)
    (op,) = graph.ops
    assert kernel_of(graph, op, host_target()) is TABLE["conv2d"].kernel
    builder = Builder()
    view = builder.graph("view", builder.reshape(builder.input(1, 1, 4), (4,)))
    with pytest.raises(ValueError, match="reshape is a view"):
        kernel_of(view, view.ops[0], MVE)


def test_channels_that_a_layer_does_not_have_are_zero() -> None:
    """The epilogues of a group: the even channels, then the odd ones, of bias, multiplier and shift."""
    requant = Requant(*(np.arange(3, dtype=np.int32) + k for k in (1, 11, 21)))
    numbers = mve_weights.epilogues(requant).view("<i4").tolist()
    assert numbers == [1, 3, 0, 0, 2, 0, 0, 0, 11, 13, 0, 0, 12, 0, 0, 0, 21, 23, 0, 0, 22, 0, 0, 0]
