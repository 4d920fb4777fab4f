"""C toolchains for the boards: arm-none-eabi-gcc from the PATH, or the clang inside the ziglang package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ..errors import ConfigError, ToolchainError

Kind = Literal["gnu", "zig"]
GNU = "arm-none-eabi-gcc"
REMEDY = "pip install 'edgekit[toolchain]'"

LEVELS: Mapping[str, tuple[str, ...]] = {"speed": ("-O3",), "balanced": ("-O2",), "size": ("-Os", "-falign-loops=1")}
"""By name, what tells either compiler what to optimize for. At -Os some kernels are others (EK_SMALL in c/kernels);
clang would still align loops."""

LEVEL = "balanced"
"""The one that is taken where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler that was found.

    name     "gnu" or "zig"
    version  as the compiler tells it
    path     the program
    """

    name: Kind
    version: str
    path: Path

    @property
    def compiler(self) -> tuple[str, ...]:
        """The start of a command that compiles C."""
        return (str(self.path), "cc") if self.name == "zig" else (str(self.path),)

    @property
    def identity(self) -> str:
        """What objects depend on: another program or another version makes other objects."""
        return f"{self.name} {self.version}"

    def __str__(self) -> str:
        return self.identity


@dataclass(frozen=True, slots=True)
class _Core:
    """How the compilers spell a core."""

    gnu: tuple[str, ...]
    zig: tuple[str, ...]


_SOFT = ("-mthumb", "-mfloat-abi=soft")


def _m7(gnu_fpu: str, zig_cpu: str) -> _Core:
    gnu = ("-mcpu=cortex-m7", "-mthumb", f"-mfpu={gnu_fpu}", "-mfloat-abi=hard")
    return _Core(gnu, ("-target", "thumb-freestanding-eabihf", f"-mcpu={zig_cpu}"))


CORES: dict[tuple[str, str], _Core] = {
    ("cortex-m7", "single"): _m7("fpv5-sp-d16", "cortex_m7+fp_armv8d16sp"),
    ("cortex-m7", "double"): _m7("fpv5-d16", "cortex_m7+fp_armv8d16"),
    ("cortex-m7", "none"): _Core(
        ("-mcpu=cortex-m7", *_SOFT), ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m7")
    ),
    ("cortex-m4", "single"): _Core(
        ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    ),
    ("cortex-m55", "double"): _Core(  # the core with all it has, MVE and low-overhead loops included
        ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
        ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve+mve_fp"),
    ),
    ("cortex-m0plus", "none"): _Core(
        ("-mcpu=cortex-m0plus", *_SOFT), ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus")
    ),
    ("cortex-m0", "none"): _Core(
        ("-mcpu=cortex-m0", *_SOFT), ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0")
    ),
    ("cortex-m3", "none"): _Core(
        ("-mcpu=cortex-m3", *_SOFT), ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3")
    ),
}
"""(core, fpu) of a board file -> machine options. A core that is not here cannot be built for."""


def machine_flags(toolchain: Toolchain, core: str, fpu: str) -> tuple[str, ...]:
    """The options that select the core; ConfigError for a core that no toolchain here is told how to compile for."""
    if (core, fpu) not in CORES:
        known = ", ".join(f"{c} with fpu {f}" for c, f in CORES)
        raise ConfigError("board.core", f"no compiler options are known for {core} with fpu {fpu}", f"known: {known}")
    return getattr(CORES[core, fpu], toolchain.name)  # type: ignore[no-any-return]


def probe() -> tuple[Toolchain, ...]:
    """Every toolchain of this machine, the default first."""
    return tuple(t for t in (_gnu(), _zig()) if t is not None)


def choose(name: str | None = None) -> Toolchain:
    """The named toolchain ("gnu", "zig"), or the first that is there; ToolchainError with the remedy where none is."""
    if name not in (None, "gnu", "zig"):
        raise ToolchainError("toolchain.unknown", f"no toolchain is called {name!r}", "there are: gnu, zig")
    found = {None: lambda: next(iter(probe()), None), "gnu": _gnu, "zig": _zig}[name]()
    if found is not None:
        return found
    if name == "gnu":
        raise ToolchainError(
            "toolchain.none", f"{GNU} is not on the PATH", f"install it, or take the bundled one: {REMEDY}"
        )
    wanted = "ziglang is not installed" if name == "zig" else f"neither {GNU} on the PATH nor the ziglang package"
    raise ToolchainError("toolchain.none", f"no C toolchain: {wanted}", REMEDY)


def zig_program() -> Path | None:
    """The zig program inside the ziglang package."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        return None
    program = Path(spec.submodule_search_locations[0]) / ("zig.exe" if os.name == "nt" else "zig")
    return program if program.is_file() else None


def _gnu() -> Toolchain | None:
    found = shutil.which(GNU)
    told = version(Path(found), "-dumpfullversion") if found else None
    return Toolchain("gnu", told, Path(found)) if found and told else None


def _zig() -> Toolchain | None:
    path = zig_program()
    told = version(path, "version") if path else None
    return Toolchain("zig", told, path) if path and told else None


def version(program: Path, option: str) -> str | None:
    """The first line that the program prints about its version; None where it does not run."""
    status = program.stat()
    return _version(program, option, (status.st_mtime_ns, status.st_size))


@cache
def _version(program: Path, option: str, stamp: tuple[int, int]) -> str | None:
    """As version(); `stamp` changes when the program is replaced."""
    try:
        done = subprocess.run([str(program), option], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), "").strip() or None
