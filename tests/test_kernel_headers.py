"""The kernels compile without a warning for the cores they are meant for, with each cross compiler installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.kernel_runner import HEADERS, wrappers

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffreestanding", "-O2", "-c")
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target")
TARGETS = {
    "gcc cortex-m7": ("arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb"),
    "gcc cortex-m0plus": ("arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"),
    "zig cortex-m4": (*ZIG, "thumb-freestanding-eabi", "-mcpu=cortex_m4"),
    "zig cortex-m0plus": (*ZIG, "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
}
_V6M = [(target, "v6m") for target in ("gcc cortex-m0plus", "zig cortex-m0plus", "zig cortex-m4")]
"""Kernels for Armv6-M in assembly, and their twins in C."""


@pytest.mark.parametrize(("target", "isa"), [*((target, "scalar") for target in TARGETS), *_V6M])
def test_kernels_compile_cleanly(target: str, isa: str, tmp_path: Path) -> None:
    command = TARGETS[target]
    if not (importlib.util.find_spec("ziglang") if command[0] == sys.executable else shutil.which(command[0])):
        pytest.skip(f"no compiler for {target}")
    source = tmp_path / "kernels.c"
    source.write_text(wrappers(isa))
    include = [f"-I{HEADERS}", f"-I{HEADERS / 'kernels'}"]
    output = ["-o", str(tmp_path / "kernels.o")]
    done = subprocess.run([*command, *STRICT, *include, str(source), *output], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
