"""Which header and which models are compared with which SVD file, and how to read the constants of the models.

To add a chip, add a row to CHIPS: its registers header under firmware/ports, its board (whose emulator's models are
compared) and the vendor's file. What the sources use is found by itself; the comparison then says what it cannot place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from conformance import svd
from conformance.svd import Claim, Difference, FieldClaim, NamedClaim, RegisterClaim, Report
from conformance.svd_claims import Handler, header_claims, model_claims, source_claims
from conformance.svd_explained import (
    CORE_ALIASES,
    CORE_EXPLAINED,
    CORTEX_M0PLUS_ABSENT,
    CORTEX_M0PLUS_EXPLAINED,
    CORTEX_M4_ABSENT,
    CORTEX_M4_EXPLAINED,
    CORTEX_M4_TIMER_EXPLAINED,
    CORTEX_M7_ABSENT,
    CORTEX_M7_EXPLAINED,
    STM32F4_ABSENT,
    STM32F4_EXPLAINED,
    STM32F7_ALIASES,
    STM32F7_EXPLAINED,
    STM32G0_ALIASES,
    STM32G0_EXPLAINED,
    STM32L4_ABSENT,
    STM32L4_ALIASES,
    STM32L4_EXPLAINED,
)
from conformance.svd_file import Device, load
from edgekit import boards
from edgekit.emulate.peripherals.base import RegisterBlock

PORTS = Path(__file__).resolve().parents[2] / "firmware" / "ports"

# ARM publishes no files for its cores here, so parts with the same core stand in for them.
CORTEX_M4 = ("Atmel/ATSAMD51J20A.svd",)
CORTEX_M7 = ("Atmel/ATSAME70J21B.svd", *CORTEX_M4)


@dataclass(frozen=True, slots=True)
class Chip:
    """board   of which the emulator's models are taken; one without models has the core's alone
    header  relative to firmware/ports
    file    the vendor's, relative to the collection's data/
    core    files of parts with the same core, asked first for the core's registers
    gpio    letters of the part's ports
    explained  differences that are no errors of ours -> why
    absent  patterns of registers that none of the files describes
    """

    board: str
    header: str
    file: str
    core: tuple[str, ...]
    gpio: str
    aliases: Mapping[str, str] = field(default_factory=dict)
    explained: Mapping[Difference, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The port's folder, and those that it shares."""
        build = boards.load(self.board).build
        return tuple(PORTS / name for name in (build.port, *build.shared))


def _offset_of(register: str) -> Handler:
    """The offset of a register that the constant is not named after."""

    def claims(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
        yield RegisterClaim("offset", register, own[0].base + value)

    return claims


def _enables(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
    """Peripheral -> offset and bit number of its clock's enable."""
    for peripheral, (offset, bit) in value.items():
        yield FieldClaim("clock enable", f"{peripheral}EN", own[0].base + offset, (f"{peripheral}EN",), 1 << bit)


def _selections(register: str) -> Handler:
    """UART -> shift of its two-bit clock selection, and its bus (which is in no file)."""

    def claims(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
        offset = next(o for o, r in own[0].registers.items() if r.name == register)
        for uart, (shift, _) in value.items():
            yield FieldClaim("clock selection", f"{uart}SEL", own[0].base + offset, (f"{uart}SEL",), 3 << shift)

    return claims


def _ready_bits(names: Mapping[int, str]) -> Handler:
    """Enable bit -> ready bit of an oscillator; `names` are the oscillators by their enable bit."""

    def claims(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
        for on, ready in value.items():
            name = names.get(on, f"bit {on}, which has no name in the table")
            yield FieldClaim("oscillator", f"{name}ON", own[0].base, (f"{name}ON",), 1 << on)
            yield FieldClaim("oscillator", f"{name}RDY", own[0].base, (f"{name}RDY",), 1 << ready)

    return claims


def _sources(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
    """SW -> an oscillator and its ready bit in RCC_CR."""
    for name, ready in value.values():
        field_name = "HSIRDY" if name == "HSI16" else f"{name}RDY"
        yield FieldClaim("core clock", field_name, own[0].base, (field_name,), ready)


def _caches(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
    """What resets a cache -> the cache's enable, and itself, in FLASH_ACR."""
    for name, (enable, reset) in value.items():
        on = name.replace("RST", "EN")
        yield FieldClaim("cache", on, own[0].base, (on,), enable)
        yield FieldClaim("cache", name, own[0].base, (name,), reset)


def _lowest_bit_of(register: str, name: str) -> Handler:
    """The number of a field's lowest bit."""

    def claims(value: Any, own: Sequence[RegisterBlock]) -> Iterator[Claim]:
        offset = next(o for o, r in own[0].registers.items() if r.name == register)
        yield NamedClaim("shift", f"{register}_{name}_Pos", own[0].base + offset, f"{name}_Pos", value)

    return claims


HANDLERS: Mapping[str, Handler | tuple[str, ...] | None] = {
    # Tables of blocks and registers, which the blocks made from them show.
    "BASE": None,
    "_BASE": None,
    "_BASES": None,
    "_PORTS": None,
    "_REGISTERS": None,
    "_RESET": None,
    "_NAMES": None,
    "stm32_usart_v2.NAMES": None,
    "_READ_ONLY": None,
    "_MAINTENANCE": None,
    "system_control._WRITE_ONE_TO_CLEAR": None,
    # Frequencies and times.
    "stm32_rcc.HSI_HZ": None,
    "stm32_rcc.LSE_HZ": None,
    "stm32_rcc._LIMITS": None,
    "stm32_rcc._HZ_PER_WAIT_STATE": None,
    "stm32_rcc._VCO_INPUT": None,
    "stm32_rcc._VCO_OUTPUT": None,
    "stm32_pwr._HIGHEST": None,
    "stm32l4_rcc.HSI_HZ": None,
    "stm32l4_rcc.LSE_HZ": None,
    "stm32l4_rcc._MSI_HZ": None,
    "stm32l4_rcc._STEP_HZ": None,
    "stm32l4_rcc._VCO_INPUT": None,
    "stm32l4_rcc._VCO_OUTPUT": None,
    "stm32l4_flash._RANGE_1_HZ": None,
    "stm32l4_flash._RANGE_2_HZ": None,
    "stm32l4_pwr.RANGE_2": None,
    "stm32l4_pwr._LOW_POWER": None,
    "stm32l4_pwr._PLAIN": None,
    "stm32l4_pwr._BOOST": None,
    "stm32g0_rcc.HSI_HZ": None,
    "stm32g0_rcc.LSE_HZ": None,
    "stm32g0_rcc._VCO_INPUT": None,
    "stm32g0_rcc._VCO_OUTPUT": None,
    "stm32g0_flash._RANGE_1_HZ": None,
    "stm32g0_flash._RANGE_2_HZ": None,
    "stm32g0_pwr.RANGE_1": None,
    "stm32g0_pwr.RANGE_2": None,
    "stm32g0_pwr._LOW_POWER": None,
    "stm32_usart_v2._BAUD_TOLERANCE": None,
    "stm32_usart_v2._POLLS_BEFORE_IDLE": None,
    # Values, which these files do not list.
    "stm32_gpio._ALTERNATE": None,
    "system_control._VECTKEY": None,
    "system_control._CACHE_SIZES": None,
    "system_control._TABLE_ALIGN": None,
    "system_control._NVIC_ISER": None,
    "system_control._NVIC_END": None,
    "system_control._NOT_ARMV6M": None,
    "dwt._KEY": None,
    "stm32l4_rcc._MSI_AFTER_RESET": None,
    "stm32l4_gpio._ANALOG": None,
    "stm32g0_gpio._ANALOG": None,
    "stm32l4_pwr._ON_VDDIO2": None,
    "stm32_lpuart._SMALLEST_BRR": None,
    "stm32_lpuart._PRESCALERS": None,
    "stm32_lpuart._LACKS": None,
    # Offsets under another name than the register's.
    "systick._CTRL": _offset_of("SYST_CSR"),
    "systick._LOAD": _offset_of("SYST_RVR"),
    "systick._VAL": _offset_of("SYST_CVR"),
    "systick._CALIB": _offset_of("SYST_CALIB"),
    # Bits of several fields.
    "stm32_usart_v2._INTERRUPTS": ("CR1", "RXNEIE", "TCIE", "TXEIE", "IDLEIE", "PEIE", "CMIE", "RTOIE", "EOBIE"),
    "stm32_usart_v2._FORMAT": ("CR1", "M0", "M1", "PCE"),
    "system_control._CACHES": ("CCR", "DC", "IC"),
    "system_control._CP10_CP11": ("CPACR", "CP10", "CP11"),
    "stm32g0_rcc._PLL_ENABLES": ("PLLCFGR", "PLLPEN", "PLLQEN", "PLLREN"),
    "stm32l4_rcc._PLL_ENABLES": ("PLLCFGR", "PLLPEN", "PLLQEN", "PLLREN"),
    # Tables of bits.
    "stm32_rcc._ENABLE": _enables,
    "stm32_rcc._UARTS": _selections("RCC_DCKCFGR2"),
    "stm32g0_rcc._ENABLE": _enables,
    "stm32g0_rcc._SOURCES": _sources,
    "stm32g0_rcc._USART2SEL": _lowest_bit_of("RCC_CCIPR", "USART2SEL"),
    "stm32g0_rcc._READY_BIT_OF": _ready_bits({8: "HSI", 16: "HSE", 22: "HSI48", 24: "PLL"}),
    "stm32l4_rcc._ENABLE": _enables,
    "stm32l4_rcc._SOURCES": _sources,
    "stm32l4_rcc._LPUART1SEL": _lowest_bit_of("RCC_CCIPR", "LPUART1SEL"),
    "stm32l4_rcc._READY_BIT_OF": _ready_bits(
        {0: "MSI", 8: "HSI", 16: "HSE", 24: "PLL", 26: "PLLSAI1", 28: "PLLSAI2"},
    ),
    "stm32l4_flash._CACHES": _caches,
    "stm32_rcc._READY_BIT_OF": _ready_bits({0: "HSI", 16: "HSE", 24: "PLL", 26: "PLLI2S", 28: "PLLSAI"}),
}

CHIPS: Mapping[str, Chip] = {
    "stm32f405": Chip(
        board="netduinoplus2",
        header="stm32f4/stm32f405_registers.h",
        file="STMicro/STM32F405.svd",
        core=CORTEX_M4,
        gpio="ABCDEFGHI",
        aliases=CORE_ALIASES,
        explained=CORE_EXPLAINED | CORTEX_M4_EXPLAINED | STM32F4_EXPLAINED,
        absent=CORTEX_M4_ABSENT - {"DWT_LSR"} | STM32F4_ABSENT,  # DWT_LSR is of the model of a DWT
    ),
    "stm32f746": Chip(
        board="stm32f746g-disco",
        header="stm32f7/stm32f746_registers.h",
        file="STMicro/STM32F7x6.svd",
        core=CORTEX_M7,
        gpio="ABCDEFGHIJK",
        aliases=CORE_ALIASES | STM32F7_ALIASES,
        explained=CORE_EXPLAINED | CORTEX_M7_EXPLAINED | STM32F7_EXPLAINED,
        absent=CORTEX_M7_ABSENT,
    ),
    "stm32g0b1": Chip(
        board="nucleo-g0b1re",
        header="stm32g0/stm32g0b1_registers.h",
        file="STMicro/STM32G0B1.svd",
        core=CORTEX_M4,
        gpio="ABCDEF",
        aliases=CORE_ALIASES | STM32G0_ALIASES,
        explained=CORE_EXPLAINED | CORTEX_M0PLUS_EXPLAINED | CORTEX_M4_TIMER_EXPLAINED | STM32G0_EXPLAINED,
        absent=CORTEX_M0PLUS_ABSENT,
    ),
    "stm32l4r5": Chip(
        board="nucleo-l4r5zi",
        header="stm32l4/stm32l4r5_registers.h",
        file="STMicro/STM32L4R5.svd",
        core=CORTEX_M4,
        gpio="ABCDEFGHI",
        aliases=CORE_ALIASES | STM32L4_ALIASES,
        explained=CORE_EXPLAINED | CORTEX_M4_EXPLAINED | CORTEX_M4_TIMER_EXPLAINED | STM32L4_EXPLAINED,
        absent=CORTEX_M4_ABSENT | STM32L4_ABSENT,
    ),
}


def claims_of(chip: Chip) -> list[Claim]:
    """Everything that the chip's port and models say about registers."""
    header = PORTS / chip.header
    claims = list(header_claims(header, chip.folders, chip.gpio))
    for folder in chip.folders:
        claims += source_claims(folder)
    return [*claims, *model_claims(boards.load(chip.board), HANDLERS)]


def devices_of(chip: Chip, root: Path) -> tuple[Device, tuple[Device, ...]]:
    """The vendor's file and the core's. FileNotFoundError where the collection lacks one."""
    return load(root / chip.file), tuple(load(root / f) for f in chip.core)


def report_of(chip: Chip, root: Path) -> Report:
    vendor, core = devices_of(chip, root)
    return svd.compare(claims_of(chip), vendor, core, chip.aliases, chip.explained)


def unexpected(chip: Chip, report: Report) -> list[str]:
    """Registers that no file describes though the table does not say so, and what the table says in vain."""
    missing = [name for name in report.absent if not any(fnmatch(name, pattern) for pattern in chip.absent)]
    vain = [p for p in sorted(chip.absent) if not any(fnmatch(name, p) for name in report.absent)]
    return [*(f"{name} is in none of the files" for name in missing), *(f"{p} is in a file after all" for p in vain)]


def main() -> None:
    """Print the comparison of every chip."""
    root = svd.root()
    if root is None:
        sys.exit(f"set {svd.VARIABLE} to a copy of the cmsis-svd-data collection")
    for name, chip in CHIPS.items():
        print("\n".join((f"{name} and {chip.file}", *report_of(chip, root).lines())))
