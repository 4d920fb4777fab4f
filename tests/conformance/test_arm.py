"""Every kernel on emulated Arm cores, as both compilers build it: equal to the reference."""

from __future__ import annotations

import shutil
from itertools import product

import numpy as np
import pytest
from support import toolchains
from support.arm_runner import CORES, core
from support.conv_graphs import Case
from support.kernel_runner import compute, prepare, ways
from support.m55_runner import FPU, NAME, RAM_BYTES, m55

from conformance.cases import CASES
from conformance.side_by_side import drawn
from conformance.tally import Tally
from edgekit.builder.toolchains import CORES as BUILDABLE
from edgekit_codegen import reference
from edgekit_codegen.ops import TABLE

COLUMNS = {"cortex-m0": "Cortex-M0", "cortex-m4": "Cortex-M4", "cortex-m7": "Cortex-M7"}
KERNELS = [kind for kind in CASES if TABLE[kind].kernel is not None]


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("toolchain", toolchains.NAMES)
def test_kernel_on_every_core_is_reference(toolchain: str, kind: str, tally: Tally) -> None:
    machines = [core(toolchains.require(toolchain), name) for name in CORES]

    def check(case: Case) -> None:
        (result,) = reference.run(case.graph, case.inputs)
        for machine, way in product(machines, ways(case.graph, case.op)):
            np.testing.assert_array_equal(compute(case.graph, case.op, case.inputs, machine=machine, way=way), result)

    tally.each(kind, [COLUMNS[name] for name in CORES], CASES[kind](False), check)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not on the PATH")
@pytest.mark.skipif((NAME, FPU) not in BUILDABLE, reason=f"no compiler options are known for {NAME}")
@pytest.mark.parametrize("kind", KERNELS)
def test_kernel_on_the_cortex_m55_is_reference(kind: str, tally: Tally) -> None:
    """Many cases in one run of QEMU, as many as its memory holds."""
    machine = m55(toolchains.require("gnu"))
    left = drawn(CASES[kind](False), tally.amount("Cortex-M55"))
    while left:
        machine.reset()
        run = []
        while left and machine.memory.used < RAM_BYTES // 2:
            case = left.pop()
            run.append((case, prepare(machine, case.graph, case.op, case.inputs)))
        machine.run(np.concatenate([prepared.calls for _, prepared in run]))
        for case, prepared in run:
            np.testing.assert_array_equal(prepared.result(), reference.run(case.graph, case.inputs)[0])
        tally.add(kind, ("Cortex-M55",), len(run))
