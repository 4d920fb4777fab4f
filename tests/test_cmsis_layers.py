"""What CMSIS-NN computes equals the reference, byte for byte: many layers as one model, and a real model.

They need CMSIS-NN: CMSIS_NN_ROOT names a copy.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.cmsis_layers import KINDS, drawn, needs_sources, offered, single_rows, wrong
from support.kernel_memory import HEADERS
from support.models import model_path

import edgekit
from edgekit.builder import cmsis_nn
from edgekit_codegen.providers import cmsis

pytestmark = needs_sources
EMULATED = ("nucleo-l4r5zi", "stm32f746g-disco", "mps3-an547")


STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffreestanding", "-c")
HEADERS_OF_CMSIS_NN = sorted(p.name for p in (HEADERS / "kernels").glob("*_cmsis.h"))


@pytest.mark.parametrize("compiler", ["cc", "arm-none-eabi-gcc"])
def test_headers_compile_alone(compiler: str, tmp_path: Path) -> None:
    """And twice, with CMSIS-NN's headers and no C library's."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not on the PATH")
    machine = ("-mcpu=cortex-m55", "-mfloat-abi=hard") if compiler != "cc" else ()
    search = [f"-I{folder}" for folder in (HEADERS / "kernels", *cmsis_nn.locate().search)]
    for header in HEADERS_OF_CMSIS_NN:
        source = tmp_path / f"{header}.c"
        source.write_text(f'#include "{header}"\n' * 2)
        subprocess.run([compiler, *machine, *STRICT, *search, str(source), "-o", str(tmp_path / "one.o")], check=True)


def require_toolchain(board: str) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not on the PATH")
    if board == "mps3-an547" and shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not on the PATH")


def test_layers_on_this_machine(tmp_path: Path) -> None:
    cases = [case for kind in KINDS for case in drawn(kind, 25)]
    assert {case.op.kind for case in cases} == set(KINDS)
    assert list(wrong(cases, "host", tmp_path)) == []


@pytest.mark.parametrize("board", EMULATED)
def test_layers_on_emulated_boards(board: str, tmp_path: Path) -> None:
    require_toolchain(board)
    isa = "mve" if board == "mps3-an547" else "scalar"
    cases = [case for kind in KINDS for case in drawn(kind, 8)[-4:] if offered(case.graph, isa)]
    assert {case.op.kind for case in cases} == set(KINDS)
    assert list(wrong(cases, board, tmp_path)) == []


def test_single_rows_with_vectors(tmp_path: Path) -> None:
    require_toolchain("mps3-an547")
    rows = single_rows()
    cases = [case for case in rows if offered(case.graph, "mve")]
    assert 0 < len(cases) < len(rows) == sum(offered(case.graph) for case in rows)
    assert list(wrong(cases, "mps3-an547", tmp_path)) == []


@pytest.mark.parametrize("board", EMULATED)
def test_a_real_model(board: str, tmp_path: Path) -> None:
    require_toolchain(board)
    model = model_path("mlperf_tiny_kws")
    built = edgekit.build(model, board=board, io="int8", kernels=cmsis.NAME, toolchain="gnu", out=tmp_path)
    assert set(built.kernels.values()) == {cmsis.NAME}
    assert built.library.startswith("CMSIS-NN")
    profiled = edgekit.profile(tmp_path, emulate=True)
    assert profiled.output_matches_reference
    assert profiled.arena_bytes is not None
    assert profiled.arena_bytes <= built.arena_bytes
