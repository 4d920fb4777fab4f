"""The kernels on emulated Arm cores: the library of support/kernel_runner.py, compiled and run under Unicorn.

Besides what Unicorn checks, instructions that the core lacks fail the test, and so do accesses that it cannot make:
nothing but code and the operands' memory is mapped.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import unicorn

from edgekit.builder import toolchains
from edgekit.builder.compile import EXACT, WARNINGS
from edgekit.builder.compile import run as run_tool
from edgekit.builder.link import Job, link_now
from edgekit.builder.toolchains import Toolchain
from edgekit.emulate.engine import PROT_EXEC, PROT_READ, PROT_WRITE, Engine
from edgekit.emulate.features import features_of
from edgekit.emulate.image import Image, read_image
from edgekit.emulate.isa_check import disassemble

from .kernel_memory import HEADERS, Memory
from .kernel_runner import wrappers

CORES = {"cortex-m0": "none", "cortex-m4": "single", "cortex-m7": "single"}
"""The cores, with their floating-point units."""

CODE, RAM, STACK = 0x00010000, 0x20000000, 0x30000000
RAM_BYTES, STACK_BYTES = 4 << 20, 16 << 10
SECONDS = 60.0  # after which a run counts as hung

_LIBC = Path(__file__).resolve().parents[2] / "firmware" / "agent" / "ek_libc.c"
_FLAGS = (*WARNINGS, *EXACT, "-ffreestanding", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
_SCRIPT = """
ENTRY(run_calls)
SECTIONS
{{
    .text {code:#x} : {{ KEEP(*(.vectors)) KEEP(*(.text.run_*)) *(.text .text.*) *(.rodata .rodata.*) }}
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .ARM.attributes .eh_frame .comment .note.*) }}
}}
"""


@dataclass(frozen=True)
class Library:
    """The kernels for one core, as an ELF file and what is in it."""

    elf: Path
    image: Image


class Core:
    """One emulated core with the kernels in it: a kernel_runner.Machine."""

    def __init__(self, toolchain: Toolchain, core: str, level: str, isa: str) -> None:
        features = features_of(core, CORES[core])
        self.isa = isa
        self._image = library(toolchain, core, CORES[core], CODE, isa=isa, level=level).image
        lacking = [f for f in disassemble(self._image, features).faults if f.function]  # tables have no name
        assert not lacking, lacking
        self._engine = Engine(features)
        code = self._map(CODE, 1 << 20, PROT_READ | PROT_EXEC)
        for segment in self._image.segments:
            start = segment.address - CODE
            code[start : start + len(segment.data)] = np.frombuffer(segment.data, np.uint8)
        self.memory = Memory(self._map(RAM, RAM_BYTES, PROT_READ | PROT_WRITE), RAM, np.uint32)
        self._map(STACK, STACK_BYTES, PROT_READ | PROT_WRITE)

    def _map(self, address: int, size: int, protection: int) -> npt.NDArray[np.uint8]:
        held = (ctypes.c_uint8 * size)()
        self._engine.map(address, held, protection)
        return np.ctypeslib.as_array(held)

    def kernel(self, name: str) -> int:
        return self._image.symbols[f"run_{name}"] | 1

    def run(self, calls: npt.NDArray[Any]) -> None:
        end = CODE + (1 << 20) - 2
        registers = {"r0": self.memory.place(calls), "r1": len(calls), "sp": STACK + STACK_BYTES, "lr": end | 1}
        for name, value in registers.items():
            self._engine.set(name, value)
        entry = self._image.symbols["run_calls"] | 1
        self._engine.uc.emu_start(entry, end, timeout=int(SECONDS * 1e6))
        assert self._engine.get("pc") == end, f"stopped at {self._image.locate(self._engine.get('pc'))}"

    def executed(self, calls: npt.NDArray[Any]) -> int:
        """Instructions of calls, and of what makes them."""
        count = 0

        def step(*_: object) -> None:
            nonlocal count
            count += 1

        self._engine.uc.ctl_flush_tb()  # what ran before was translated without the hook
        hook = self._engine.uc.hook_add(unicorn.UC_HOOK_CODE, step)
        self.run(calls)
        self._engine.uc.hook_del(hook)
        return count


@cache
def core(toolchain: str, name: str, level: str = toolchains.LEVEL, isa: str = "scalar") -> Core:
    """isa: whose kernels there are, and computes; see kernel_runner.wrappers."""
    return Core(toolchains.choose(toolchain), name, level, isa)


def library(
    toolchain: Toolchain,
    name: str,
    fpu: str,
    code: int,
    more: str = "",
    isa: str = "scalar",
    level: str = toolchains.LEVEL,
) -> Library:
    """The kernels for a core, linked freestanding with the firmware's memory functions to run at address `code`.

    more   further C of the same file; a section .vectors comes first in the image
    isa    what kernels there are, as in kernel_runner.wrappers
    level  what they are optimized for
    """
    folder = Path(tempfile.mkdtemp(prefix="edgekit-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    machine = toolchains.machine_flags(toolchain, name, fpu)
    zig = os.environ.get("ZIG_GLOBAL_CACHE_DIR", str(folder / "zig"))
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig}
    (folder / "kernels.c").write_text(wrappers(isa) + more)
    extra = ["-fno-sanitize=all"] if toolchain.name == "zig" else []
    flags = [*_FLAGS, *toolchains.LEVELS[level], "-ffunction-sections", *extra]
    include = [f"-I{HEADERS}", f"-I{HEADERS / 'kernels'}"]
    for source, target in (("kernels.c", "kernels.o"), (str(_LIBC), "libc.o")):
        argv = [*toolchain.compiler, *machine, *flags, *include, "-c", source, "-o", target]
        run_tool(argv, environment, "test.compile", f"{source} does not compile", cwd=folder)
    job = Job(toolchain, machine, folder, (Path("kernels.o"), Path("libc.o")), _SCRIPT.format(code=code), environment)
    link_now(job, folder / "kernels.elf", folder / "kernels.map")
    return Library(folder / "kernels.elf", read_image(folder / "kernels.elf"))
