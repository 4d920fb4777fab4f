"""Reductions that add up their input's rows as they come: the same bytes as the reference, on every core."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conformance.cases.drawing import quant, unary
from hypothesis import given, settings
from hypothesis import strategies as st
from support import toolchains
from support.arm_runner import CORES, core
from support.conv_graphs import ACTIVATIONS, ZERO_POINTS, Case, int8_values
from support.kernel_memory import call_type, parameters
from support.kernel_runner import GUARD, PAINT, Machine, Prepared, host
from support.m55_runner import FPU, NAME, m55

from edgekit.builder.toolchains import CORES as BUILDABLE
from edgekit_codegen import reference
from edgekit_codegen.ir import Activation, Graph, Quant
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Mean, Padding, Pool2D, Sum
from edgekit_codegen.providers import kernel_of
from edgekit_codegen.target import Target

KINDS = [kind for kind in TABLE if (kernel := TABLE[kind].kernel) is not None and kernel.adding]


def reduction(
    kind: str, rows: int, pixels: int, channels: int, x: Quant, out: Quant, act: Activation = Activation.NONE
) -> Graph:
    """All pixels of an image as one. A window keeps its input's quantization."""
    image = (1, rows, pixels, channels)
    if kind == "average_pool2d":
        return unary(kind, Pool2D((rows, pixels), (1, 1), Padding(), act), image, (1, 1, 1, channels), x, x)
    return unary(kind, {"mean": Mean, "sum": Sum}[kind]((1, 2), False), image, (1, channels), x, out)


def prepare(machine: Machine, graph: Graph, x: npt.NDArray[np.int8]) -> Prepared:
    """A call per row. The sums begin as garbage, between guards like the output."""
    op, memory = graph.ops[0], machine.memory
    record, out = TABLE[op.kind], graph.result(op)
    kernel = kernel_of(graph, op, Target("machine", (), machine.isa))
    sums = record.sums(graph, op)
    assert sums == 4 * x.shape[3]
    p = memory.place(parameters(kernel, kernel.params(graph, op)))
    scratch, target = (memory.place(np.full(size + 2 * GUARD, PAINT, np.uint8)) + GUARD for size in (sums, out.bytes))
    first, rows, row = memory.place(x), x.shape[1], x[0, 0].nbytes
    tables = [memory.place(np.array([first + y * row], memory.word)) for y in range(rows)]
    name = op.kind if kernel is record.kernel else f"{op.kind}_{machine.isa}"
    function = machine.kernel(f"{name}_add")
    calls = [(function, p, table, target, y, 0, x.shape[2], 0, 0, scratch) for y, table in enumerate(tables)]
    return Prepared(
        np.array(calls, call_type(memory.word)), memory, op.kind, [target], out.bytes, out.shape, out.dtype.numpy
    )


def check(machine: Machine, graph: Graph, x: npt.NDArray[np.int8]) -> None:
    machine.memory.used = 0
    prepared = prepare(machine, graph, x)
    machine.run(prepared.calls)
    (expected,) = reference.run(graph, (x,))
    np.testing.assert_array_equal(prepared.result(), expected)
    sums = int(prepared.calls[0]["scratch"])
    size = 4 * x.shape[3]
    around = (machine.memory.view(sums - GUARD, GUARD), machine.memory.view(sums + size, GUARD))
    assert all((guard == PAINT).all() for guard in around), "wrote outside its sums"


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    rows, pixels = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    channels = draw(st.one_of(st.integers(1, 9), st.sampled_from([15, 16, 17, 31, 33])))
    scales = st.floats(-14.0, 14.0, allow_nan=False).map(lambda log: 2.0**log)
    x, out = (quant(draw(scales), draw(ZERO_POINTS)) for _ in range(2))
    graph = reduction(kind, rows, pixels, channels, x, out, draw(ACTIVATIONS))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    return Case(graph, (int8_values(rng, (1, rows, pixels, channels)),))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_added_up_give_the_reference(kind: str) -> None:
    @given(cases(kind))
    @settings(max_examples=300)
    def holds(case: Case) -> None:
        check(host(), case.graph, case.inputs[0])

    holds()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("toolchain", toolchains.NAMES)
def test_rows_that_are_added_up_give_the_reference_on_every_core(toolchain: str, kind: str) -> None:
    machines = [core(toolchains.require(toolchain), name) for name in CORES]

    @given(cases(kind))
    @settings(max_examples=40)
    def holds(case: Case) -> None:
        for machine in machines:
            check(machine, case.graph, case.inputs[0])

    holds()


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not on the PATH")
@pytest.mark.skipif((NAME, FPU) not in BUILDABLE, reason=f"no compiler options are known for {NAME}")
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_added_up_give_the_reference_on_the_cortex_m55(kind: str) -> None:
    """Many cases in one run of QEMU."""
    machine = m55(toolchains.require("gnu"))
    machine.reset()
    pending: list[tuple[Prepared, npt.NDArray[Any]]] = []

    @given(cases(kind))
    @settings(max_examples=40)
    def draws(case: Case) -> None:
        pending.append((prepare(machine, case.graph, case.inputs[0]), reference.run(case.graph, case.inputs)[0]))

    draws()
    assert len(pending) >= 40
    machine.run(np.concatenate([prepared.calls for prepared, _ in pending]))
    for prepared, expected in pending:
        np.testing.assert_array_equal(prepared.result(), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 17), (9, 1, 3), (1, 9, 8), (1, 64, 33), (64, 1, 5), (64, 64, 1)])
def test_extremes(kind: str, shape: tuple[int, int, int]) -> None:
    """The lowest and the highest values, at the lowest and the highest zero points, at all ratios of scales."""
    for value in (-128, 127):
        x = np.full((1, *shape), value, np.int8)
        for zero in (-128, 0, 127):
            for ratio in (2.0**-24, 2.0**-10, 1.0 - 2.0**-24, 1.0, 3.0, 2.0**10, 2.0**24):
                graph = reduction(kind, *shape, quant(ratio, zero), quant(1.0, ~zero))
                check(host(), graph, x)


@pytest.mark.parametrize("kind", ["mean", "sum"])
def test_as_many_elements_as_there_may_be(kind: str) -> None:
    """2^23 of the value that is farthest from the zero point: their sum just fits."""
    x = np.full((1, 2048, 4096, 1), -128, np.int8)
    check(host(), reduction(kind, *x.shape[1:], quant(2.0**-14, 127), quant(1.0, 0)), x)


def test_only_sums_over_all_rows_and_pixels_of_one_image_come_row_by_row() -> None:
    def sums(kind: str, attrs: Mean | Sum | Pool2D, x: tuple[int, ...], out: tuple[int, ...]) -> int:
        graph = unary(kind, attrs, x, out, quant(0.5, 1), quant(0.5, 1))
        return TABLE[kind].sums(graph, graph.ops[0])

    assert sums("mean", Mean((1, 2), True), (1, 4, 5, 3), (1, 1, 1, 3)) == 12
    assert sums("mean", Mean((1,), False), (1, 4, 5, 3), (1, 5, 3)) == 0
    assert sums("sum", Sum((1, 2, 3), False), (1, 4, 5, 3), (1,)) == 0
    assert sums("mean", Mean((1, 2), False), (2, 4, 5, 3), (2, 3)) == 0
    assert sums("sum", Sum((0, 1), False), (4, 5, 3), (3,)) == 0
    assert sums("average_pool2d", Pool2D((4, 5), (1, 1), Padding()), (1, 4, 5, 3), (1, 1, 1, 3)) == 12
    assert sums("average_pool2d", Pool2D((4, 4), (1, 1), Padding()), (1, 4, 5, 3), (1, 1, 2, 3)) == 0
    assert sums("average_pool2d", Pool2D((4, 5), (4, 5), Padding(right=4)), (1, 4, 5, 3), (1, 1, 1, 3)) == 0
