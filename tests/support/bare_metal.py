"""Tiny firmware images for emulated parts: a few lines of C, a vector table and a linker script."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgekit import boards
from edgekit.builder import toolchains
from edgekit.emulate.counters import Marks
from edgekit.emulate.faults import FaultReport, Halted
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine

from .bare_metal_c import PRELUDE, PRELUDE_G0, PRELUDE_L4

STACK_LOW = 0x2000F000
SRAM = 0x20010000


@dataclasses.dataclass(frozen=True)
class Part:
    """What images for a part are made of.

    board               its board's name
    core                as compilers name it
    prelude             C in front of every image
    runs_at, loads_at   the flash, where it runs and where it is programmed
    stack_low, stack    the stack, up to its top
    sram                where variables are
    """

    board: str
    core: str
    prelude: str
    runs_at: int
    loads_at: int
    stack_low: int
    stack: int
    sram: int


F746 = Part("stm32f746g-disco", "cortex-m7", PRELUDE, 0x00200000, 0x08000000, STACK_LOW, 0x20010000, SRAM)
L4R5 = Part("nucleo-l4r5zi", "cortex-m4", PRELUDE_L4, 0x08000000, 0x08000000, 0x20000000, 0x20000400, 0x20000400)
G0B1 = Part("nucleo-g0b1re", "cortex-m0plus", PRELUDE_G0, 0x08000000, 0x08000000, 0x20000000, 0x20000400, 0x20000400)

SCRIPT = """
ENTRY(reset)
stack_top = {stack:#x};
__ek_stack_low = {stack_low:#x};
SECTIONS
{{
    .vectors {runs_at:#x} : AT({loads_at:#x}) {{ KEEP(*(.vectors)) }}
    .text : AT({loads_at:#x} + ADDR(.text) - {runs_at:#x}) {{ *(.text .text.*) *(.rodata .rodata.*) }}
    .bss {sram:#x} (NOLOAD) : {{ *(.bss .bss.* COMMON) *(.noinit) }}
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame .comment .note.*) }}
}}
"""


class Line:
    """The host's end of the UART: sends `incoming` as the firmware asks for it, keeps what it sends.

    When the firmware waits and there is nothing left to send, the machine is stopped.
    """

    def __init__(self, incoming: bytes = b"") -> None:
        self.incoming = deque(incoming)
        self.sent = bytearray()
        self.machine: Machine | None = None

    def receive(self) -> int | None:
        return self.incoming.popleft() if self.incoming else None

    def send(self, byte: int) -> None:
        self.sent.append(byte)

    def idle(self) -> None:
        assert self.machine is not None
        self.machine.stop()


@dataclasses.dataclass
class Ran:
    """What became of an image: what stopped it (None where it waited for the host), and what it did before."""

    fault: FaultReport | None
    sent: bytes
    marks: list[Marks]
    resets: int
    machine: Machine

    @property
    def ended(self) -> bool:
        """Whether `test` returned."""
        return self.fault is not None and self.fault.function == "done"


def _machine_flags(tool: toolchains.Toolchain, core: str, fpu: str) -> tuple[str, ...]:
    """edgekit's; cores of Armv6-M have no floating-point unit whatever `fpu` says."""
    return toolchains.machine_flags(tool, core, "none" if core.startswith("cortex-m0") else fpu)


def compile_image(
    source: str,
    folder: Path,
    *,
    part: Part = F746,
    core: str = "",
    fpu: str = "single",
    prelude: str = "",
    script: str = "",
    options: tuple[str, ...] = (),
) -> Path:
    """Compile C for a part, or for another core, with the first toolchain there is; the test is skipped where there is
    none.

    prelude, script  instead of the part's C and linker script
    options          more of the compiler's
    """
    found = toolchains.probe()
    if not found:
        pytest.skip("neither arm-none-eabi-gcc nor the ziglang package is installed")
    tool = found[0]
    c, o, ld, elf = (folder / f"image{suffix}" for suffix in (".c", ".o", ".ld", ".elf"))
    c.write_text((prelude or part.prelude) + source)
    ld.write_text((script or SCRIPT).format_map(dataclasses.asdict(part)))
    machine = _machine_flags(tool, core or part.core, fpu)
    flags = ["-O1", *options, "-std=gnu11", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-w", "-c"]
    flags += [] if tool.name == "gnu" else ["-fno-sanitize=all"]
    _run([*tool.compiler, *machine, *flags, str(c), "-o", str(o)], folder)
    library = []  # what the compiler calls on cores that cannot divide
    if tool.name == "gnu":
        library = ["-lgcc"]
        link = [
            str(tool.path),
            *machine,
            "-nostdlib",
            "-nostartfiles",
            "-Wl,--nmagic,--build-id=none",
            "-Wl,--no-warn-rwx-segments",
        ]
    else:
        link = [str(tool.path), "ld.lld", "-m", "armelf", "--nmagic", "--build-id=none"]
    _run([*link, "-T", str(ld), str(o), *library, "-o", str(elf)], folder)
    return elf


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig")}
    )
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stderr}"


def board(core: str = "", fpu: str = "single", part: Part = F746) -> boards.Board:
    """The part's board, or one like it with another core."""
    found = boards.load(part.board)
    return dataclasses.replace(found, mcu=dataclasses.replace(found.mcu, core=core or part.core, fpu=fpu))


def run(
    source: str,
    folder: Path,
    *,
    part: Part = F746,
    incoming: bytes = b"",
    core: str = "",
    fpu: str = "single",
    built_for: tuple[str, str] | None = None,
    cycles: Mapping[str, float] | None = None,
    stall: float = 20.0,
    prelude: str = "",
    script: str = "",
    options: tuple[str, ...] = (),
) -> Ran:
    """Compile, and run in this process until a fault or until the firmware waits in vain for the host.

    built_for  core and fpu that it is compiled for, where they are not those it runs on
    """
    build_core, build_fpu = built_for or (core, fpu)
    elf = compile_image(
        source, folder, part=part, core=build_core, fpu=build_fpu, prelude=prelude, script=script, options=options
    )
    line, marks, resets = Line(incoming), [], []
    line.machine = machine = Machine(
        read_image(elf),
        board(core, fpu, part),
        line,
        cycles=cycles,
        on_marks=marks.append,
        on_reset=lambda: resets.append(1),
        stall=stall,
    )
    fault = None
    try:
        machine.run()
    except Halted as halted:
        fault = halted.report
    return Ran(fault, bytes(line.sent), marks, len(resets), machine)
