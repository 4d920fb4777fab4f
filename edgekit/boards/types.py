"""What a board file says: one dataclass per table, every field a key, every key validated on reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Use = Literal["code", "stack", "scratch", "arena", "data"]

SHARED: dict[str, tuple[str, ...] | None] = {
    "cortex_m": None,
    "stm32": ("stm32f4", "stm32f7", "stm32g0", "stm32l4"),
    "stm32_usart_v2": ("stm32f7", "stm32g0", "stm32l4"),
    "cmsdk": ("mps2", "mps3"),
}
"""Folders under firmware/ports that are no ports but a part of several: folder -> its ports, None for all but the
host's. `stm32_usart_v2` is the second generation of ST's USART, `cmsdk` the UART and timers of Arm's FPGA images."""

QEMU_MACHINES = {
    "mps2-an386": "cortex-m4",
    "mps2-an500": "cortex-m7",
    "mps3-an547": "cortex-m55",
    "netduinoplus2": "cortex-m4",
}
"""QEMU's machines that a port exists for, and their cores."""


@dataclass(frozen=True, slots=True)
class Mcu:
    """The microcontroller.

    part        the vendor's full part number
    core        as compilers name it: "cortex-m7"; "host" is the machine edgekit runs on
    fpu         the precision of the floating-point unit
    clock_hz    the core clock that the port sets; 0 where it is not known
    crystal_hz  the external clock that the port's PLL starts from; 0 without one
    interrupts  external interrupt lines, the vector table's length after the 16 system entries
    """

    part: str
    core: str
    clock_hz: int
    fpu: Literal["none", "single", "double"] = "none"
    crystal_hz: int = 0
    interrupts: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory.

    origin, size  bytes; flash is programmed at `origin`
    use           what the build may place there; a memory in no use stays empty
    alias         further addresses of the same memory; code runs from the first one where there is one
    wait_states   extra cycles per access; the planner fills memories with fewer first
    """

    name: str
    kind: Literal["ram", "flash"]
    size: int
    origin: int = 0
    use: tuple[Use, ...] = ()
    alias: tuple[int, ...] = ()
    wait_states: int = 0

    @property
    def runs_at(self) -> int:
        """Where code in this memory is linked to run."""
        return self.alias[0] if self.alias else self.origin


@dataclass(frozen=True, slots=True)
class Serial:
    """The link to the host: which UART, its pins ("PA9"), their alternate function and the baud rate."""

    uart: str = ""
    baud: int = 115200
    tx: str = ""
    rx: str = ""
    alternate_function: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """Where ticks come from: the DWT cycle counter, SysTick, ST's 32-bit timer TIM2, a CMSDK APB timer, the system
    counter of Arm's subsystems, or the operating system's clock."""

    timer: Literal["dwt", "systick", "tim2", "cmsdk", "counter", "clock"]


@dataclass(frozen=True, slots=True)
class OpenOcd:
    """OpenOCD's name of the board's configuration file, without folder and suffix."""

    board: str


@dataclass(frozen=True, slots=True)
class Flash:
    """The programs that can program the board, the first being the default, and their options."""

    runners: tuple[Literal["openocd", "st-flash", "probe-rs", "pyocd"], ...] = ()
    openocd: OpenOcd | None = None


@dataclass(frozen=True, slots=True)
class Detect:
    """How a connected board is recognised: USB "vendor:product" in four hex digits each."""

    usb: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Emulator:
    """The engine that runs the board's image without the board.

    peripherals  what is modelled beside the core and the memories, for "unicorn"
    machine      QEMU's name of the machine, which has its own memories and peripherals, for "qemu"
    """

    engine: Literal["unicorn", "qemu", "none"] = "none"
    peripherals: tuple[str, ...] = ()
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """The port under firmware/ports, and the bytes of the stack's memory kept for the stack."""

    port: str
    stack: int = 4096

    @property
    def shared(self) -> tuple[str, ...]:
        """The folders beside the port's that are a part of it, the most general first."""
        if self.port == "host":
            return ()
        return tuple(folder for folder, ports in SHARED.items() if ports is None or self.port in ports)


@dataclass(frozen=True, slots=True)
class Board:
    """One board file. `path` is where it was read from."""

    schema: Literal[1]
    name: str
    title: str
    vendor: str
    mcu: Mcu
    memory: tuple[Memory, ...]
    build: Build
    profile: Profile
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    serial: Serial = Serial()
    flash: Flash = Flash()
    detect: Detect = Detect()
    emulator: Emulator = Emulator()
    path: Path = field(default=Path(), compare=False)

    def using(self, use: Use) -> Memory | None:
        """The first memory that the board lets the build put `use` into."""
        return next((m for m in self.memory if use in m.use), None)

    @property
    def is_host(self) -> bool:
        return self.build.port == "host"
