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

STACK_LOW = 0x2000FC00
SRAM = 0x20010000

# `test` runs first and ends in a BKPT in `done`.
_CORE = r"""
typedef unsigned int u32;
typedef unsigned char u8;
#define REG(address) (*(volatile u32 *)(address))
#define SCB_AIRCR REG(0xE000ED0C)
#define SCB_CCR REG(0xE000ED14)
#define SCB_CPACR REG(0xE000ED88)
#define DEMCR REG(0xE000EDFC)
#define DWT_CTRL REG(0xE0001000)
#define DWT_CYCCNT REG(0xE0001004)
#define DWT_LAR REG(0xE0001FB0)
#define NOINLINE __attribute__((noinline, used))
#define NAKED __attribute__((naked, noinline, used))
void test(void);
extern u32 stack_top[];
NAKED void done(void) { __asm volatile("bkpt #0"); }
NAKED void reset(void) { __asm volatile("bl test\n b done"); }
typedef struct { u32 *stack; void (*reset)(void); } vectors_t;
__attribute__((section(".vectors"), used)) const vectors_t vectors = {stack_top, reset};

static inline void count_cycles(void)
{
    DEMCR |= 1u << 24;
    DWT_LAR = 0xC5ACCE55;
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1;
}
"""

_LINE = r"""
static inline int ready(void) { return UART(0x1C) >> 5 & 1; }
static inline u8 get(void)
{
    while (!ready()) {
    }
    return (u8)UART(0x24);
}
static inline void put(u8 byte)
{
    while (!(UART(0x1C) & 0x80)) {
    }
    UART(0x28) = byte;
}
"""

# HSI at 16 MHz is the clock after a reset.
PRELUDE = (
    _CORE
    + r"""
#define RCC_CR REG(0x40023800)
#define RCC_PLLCFGR REG(0x40023804)
#define RCC_CFGR REG(0x40023808)
#define RCC_AHB1ENR REG(0x40023830)
#define RCC_APB1ENR REG(0x40023840)
#define RCC_APB2ENR REG(0x40023844)
#define PWR_CR1 REG(0x40007000)
#define PWR_CSR1 REG(0x40007004)
#define FLASH_ACR REG(0x40023C00)
#define GPIOA(offset) REG(0x40020000 + offset)
#define GPIOB(offset) REG(0x40020400 + offset)
#define USART1(offset) REG(0x40011000 + offset)
#define UART USART1

static inline void pins(void)
{
    RCC_AHB1ENR |= 3;
    GPIOA(0x00) = (GPIOA(0x00) & ~(3u << 18)) | 2u << 18;
    GPIOA(0x24) = (GPIOA(0x24) & ~0xF0u) | 7u << 4;
    GPIOB(0x00) = (GPIOB(0x00) & ~(3u << 14)) | 2u << 14;
    GPIOB(0x20) = (GPIOB(0x20) & ~0xF0000000u) | 7u << 28;
}
static inline void uart(void)
{
    pins();
    RCC_APB2ENR |= 1u << 4;
    USART1(0x0C) = 139; /* 16 MHz / 139 = 115108 baud */
    USART1(0x00) = 0xD;
}
"""
    + _LINE
)

# MSI at 4 MHz is the clock after a reset.
_PRELUDE_L4 = (
    _CORE
    + r"""
#define RCC_CR REG(0x40021000)
#define RCC_CFGR REG(0x40021008)
#define RCC_PLLCFGR REG(0x4002100C)
#define RCC_AHB2ENR REG(0x4002104C)
#define RCC_APB1ENR1 REG(0x40021058)
#define RCC_APB1ENR2 REG(0x4002105C)
#define RCC_CCIPR REG(0x40021088)
#define PWR_CR1 REG(0x40007000)
#define PWR_CR2 REG(0x40007004)
#define PWR_CR5 REG(0x40007080)
#define FLASH_ACR REG(0x40022000)
#define GPIOG(offset) REG(0x48001800 + offset)
#define LPUART1(offset) REG(0x40008000 + offset)
#define UART LPUART1

static inline void supply(void)
{
    RCC_APB1ENR1 |= 1u << 28;
    PWR_CR2 |= 1u << 9;
}
static inline void pins(void)
{
    RCC_AHB2ENR |= 1u << 6;
    GPIOG(0x00) = (GPIOG(0x00) & ~(0xFu << 14)) | 0xAu << 14;
    GPIOG(0x20) = (GPIOG(0x20) & ~0xF0000000u) | 8u << 28;
    GPIOG(0x24) = (GPIOG(0x24) & ~0xFu) | 8u;
}
static inline void uart(u32 brr)
{
    pins();
    RCC_APB1ENR2 |= 1;
    LPUART1(0x0C) = brr;
    LPUART1(0x00) = 0xD;
}
"""
    + _LINE
)


@dataclasses.dataclass(frozen=True)
class Part:
    """What images for a part are made of.

    board               its board's name
    core                as compilers name it
    prelude             C in front of every image
    runs_at, loads_at   the flash, where it runs and where it is programmed
    stack_low, stack    the stack, 1 KiB, and its top
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
L4R5 = Part("nucleo-l4r5zi", "cortex-m4", _PRELUDE_L4, 0x08000000, 0x08000000, 0x20000000, 0x20000400, 0x20000400)

_SCRIPT = """
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


def compile_image(
    source: str, folder: Path, *, part: Part = F746, core: str = "", fpu: str = "single", prelude: str = ""
) -> Path:
    """Compile C for a part, or for another core, with the first toolchain there is; the test is skipped where there is
    none."""
    found = toolchains.probe()
    if not found:
        pytest.skip("neither arm-none-eabi-gcc nor the ziglang package is installed")
    tool = found[0]
    c, o, script, elf = (folder / f"image{suffix}" for suffix in (".c", ".o", ".ld", ".elf"))
    c.write_text((prelude or part.prelude) + source)
    script.write_text(_SCRIPT.format_map(dataclasses.asdict(part)))
    machine = toolchains.machine_flags(tool, core or part.core, fpu)
    options = ["-O1", "-std=gnu11", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-w", "-c"]
    options += [] if tool.name == "gnu" else ["-fno-sanitize=all"]
    _run([*tool.compiler, *machine, *options, str(c), "-o", str(o)], folder)
    if tool.name == "gnu":
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
    _run([*link, "-T", str(script), str(o), "-o", str(elf)], folder)
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
) -> Ran:
    """Compile, and run in this process until a fault or until the firmware waits in vain for the host.

    built_for  core and fpu that it is compiled for, where they are not those it runs on
    """
    build_core, build_fpu = built_for or (core, fpu)
    elf = compile_image(source, folder, part=part, core=build_core, fpu=build_fpu)
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
