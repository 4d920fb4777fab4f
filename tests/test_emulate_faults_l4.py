"""What the emulated STM32L4R5 refuses: pins without their supply, clocks beyond its voltage range, wrong baud rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_metal import L4R5, Ran
from support.bare_metal import run as run_on

from edgekit.emulate.faults import FaultKind

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

BRR = 8889  # 256 * 4 MHz / 115200, and 115200 * 8889 / 256 = 4000050
HSI = "RCC_CR |= 1u << 8; while (!(RCC_CR & 1u << 10)) { }"
# 16 MHz / 4 * 60 / 2 = 120 MHz; M holds 4 - 1.
PLLCFGR = "RCC_PLLCFGR = 1u << 24 | 60u << 8 | 3u << 4 | 2u;"
PLL = HSI + PLLCFGR + "RCC_CR |= 1u << 24; while (!(RCC_CR & 1u << 25)) { }"
BOOST = "RCC_APB1ENR1 |= 1u << 28; PWR_CR5 = 0;"
LATENCY = "FLASH_ACR = 0x705;"
HALVED = "RCC_CFGR = 8u << 4;"
SWITCH = "RCC_CFGR |= 3; while ((RCC_CFGR >> 2 & 3) != 3) { }"
WHOLE = "RCC_CFGR &= ~0xF0u;"
FULL_SPEED = PLL + BOOST + LATENCY + HALVED + SWITCH + WHOLE

# What `culprit` does, the kind of fault, a part of its message, and the address that is named.
FAULTS: dict[str, tuple[str, FaultKind, str, int | None]] = {
    "send without IOSV": (f"uart({BRR}); put('k');", FaultKind.PERIPHERAL, "PWR_CR2.IOSV", 0x40008028),
    "send after IOSV is gone": (
        f"supply(); uart({BRR}); put('k'); PWR_CR2 = 0; put('k');",
        FaultKind.PERIPHERAL,
        "PWR_CR2.IOSV",
        0x40008028,
    ),
    "LPUART without its clock": (f"supply(); pins(); LPUART1(0x0C) = {BRR};", FaultKind.UNCLOCKED, "", 0x4000800C),
    "port without its clock": ("(void)GPIOG(0x00);", FaultKind.UNCLOCKED, "GPIOG", 0x48001800),
    "PWR without its clock": ("PWR_CR2 |= 1u << 9;", FaultKind.UNCLOCKED, "PWR", 0x40007004),
    "send on a pin that is still analog": (
        f"supply(); RCC_AHB2ENR |= 64; RCC_APB1ENR2 |= 1; LPUART1(0x0C) = {BRR}; LPUART1(0x00) = 13; put('k');",
        FaultKind.PERIPHERAL,
        "PG7",
        0x40008028,
    ),
    "send in another alternate function": (
        f"supply(); uart({BRR}); GPIOG(0x20) = 7u << 28; put('k');",
        FaultKind.PERIPHERAL,
        "in alternate function 7, not 8",
        0x40008028,
    ),
    "send while the LPUART is off": (
        f"supply(); uart({BRR}); LPUART1(0x00) = 0; LPUART1(0x28) = 65;",
        FaultKind.PERIPHERAL,
        "UE",
        0x40008028,
    ),
    "send 3 % too slow": (
        f"supply(); uart({BRR * 103 // 100}); put('k');",
        FaultKind.CLOCK,
        "the board's link is 115200 baud",
        0x4000800C,
    ),
    "a USART's baud rate register": ("supply(); uart(35);", FaultKind.PERIPHERAL, "least value", 0x4000800C),
    "a prescaler forgotten in the baud rate": (
        f"supply(); RCC_APB1ENR2 |= 1; LPUART1(0x2C) = 1; uart({BRR}); put('k');",
        FaultKind.CLOCK,
        "57599 baud",
        0x4000800C,
    ),
    "prescaler changed while enabled": (
        f"supply(); uart({BRR}); LPUART1(0x2C) = 1;",
        FaultKind.PERIPHERAL,
        "PRESC",
        0x4000802C,
    ),
    "baud rate for PCLK1 with HSI16 selected": (
        HSI + f"supply(); RCC_CCIPR = 2u << 10; uart({BRR}); put('k');",
        FaultKind.CLOCK,
        "460",
        0x4000800C,
    ),
    "oversampling by 8": (
        "supply(); RCC_APB1ENR2 |= 1; LPUART1(0x00) = 0x8000;",
        FaultKind.PERIPHERAL,
        "OVER8",
        0x40008000,
    ),
    "the FIFO": ("supply(); RCC_APB1ENR2 |= 1; LPUART1(0x00) = 1u << 29;", FaultKind.UNSUPPORTED, "FIFO", 0x40008000),
    "a crystal that the board does not have": (
        "RCC_CR |= 1u << 16; while (!(RCC_CR & 1u << 17)) { }",
        FaultKind.NO_PROGRESS,
        "",
        None,
    ),
    "PLL from a stopped oscillator": (PLLCFGR + "RCC_CR |= 1u << 24;", FaultKind.CLOCK, "HSI16", 0x40021000),
    "PLL from nothing": ("RCC_CR |= 1u << 24;", FaultKind.CLOCK, "nothing", 0x40021000),
    "PLL out of range": (
        HSI + "RCC_PLLCFGR = 127u << 8 | 2u; RCC_CR |= 1u << 24;",
        FaultKind.CLOCK,
        "2032000000 Hz out",
        0x40021000,
    ),
    "PLL changed while on": (PLL + "RCC_PLLCFGR += 1u << 8;", FaultKind.CLOCK, "while the PLL is on", 0x4002100C),
    "PLL whose output is off": (
        PLL + BOOST + LATENCY + "RCC_PLLCFGR &= ~(1u << 24);" + HALVED + SWITCH,
        FaultKind.CLOCK,
        "PLLREN",
        0x40021008,
    ),
    "PLL's output cut while it is in use": (
        FULL_SPEED + "RCC_PLLCFGR &= ~(1u << 24);",
        FaultKind.CLOCK,
        "PLLREN",
        0x4002100C,
    ),
    "the running oscillator switched off": ("RCC_CR &= ~1u;", FaultKind.CLOCK, "MSI", 0x40021000),
    "MSI at 48 MHz without wait states": (
        "RCC_CR |= 0xB8u;",
        FaultKind.CLOCK,
        "48000000 Hz with 0 flash wait states; it needs 2",
        0x40021000,
    ),
    "120 MHz without boost": (PLL + LATENCY + HALVED + SWITCH, FaultKind.CLOCK, "allows 80000000", 0x40021008),
    "120 MHz with 4 wait states": (
        PLL + BOOST + "FLASH_ACR = 4;" + HALVED + SWITCH + WHOLE,
        FaultKind.CLOCK,
        "4 flash wait states; it needs 5",
        0x40021008,
    ),
    "120 MHz at once": (PLL + BOOST + LATENCY + SWITCH, FaultKind.CLOCK, "at once", 0x40021008),
    "boost dropped at 120 MHz": (FULL_SPEED + "PWR_CR5 = 1u << 8;", FaultKind.CLOCK, "80000000", 0x40007080),
    "range 2 at 120 MHz": (FULL_SPEED + "PWR_CR1 = 2u << 9;", FaultKind.CLOCK, "26000000", 0x40007000),
    "wait states dropped at 120 MHz": (FULL_SPEED + "FLASH_ACR = 0x704;", FaultKind.CLOCK, "needs 5", 0x40022000),
    "no voltage range": ("RCC_APB1ENR1 |= 1u << 28; PWR_CR1 = 0;", FaultKind.PERIPHERAL, "VOS", 0x40007000),
    "a cache reset while it is on": ("FLASH_ACR |= 1u << 11;", FaultKind.PERIPHERAL, "ICRST", 0x40022000),
    "read between RAM and peripherals": ("(void)REG(0x200A0000);", FaultKind.UNMAPPED_READ, "", 0x200A0000),
    "a register of another family": ("(void)REG(0x40023800);", FaultKind.UNMAPPED_READ, "", 0x40023800),
}


def run(code: str, folder: Path, incoming: bytes = b"") -> Ran:
    source = f"NOINLINE void culprit(void) {{ {code} }}\nvoid test(void) {{ culprit(); }}\n"
    return run_on(source, folder, part=L4R5, incoming=incoming, stall=0.3)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_kind_function_and_address(name: str, tmp_path: Path) -> None:
    code, kind, says, address = FAULTS[name]
    fault = run(code, tmp_path).fault
    assert fault is not None
    assert fault.kind is kind, str(fault)
    assert says in fault.message, str(fault)
    assert fault.function.split("+")[0] == "culprit", str(fault)
    if address is not None:
        assert fault.address == address, str(fault)


def test_receiving_without_iosv_faults_too(tmp_path: Path) -> None:
    fault = run(f"uart({BRR}); get();", tmp_path, incoming=b"k").fault
    assert fault is not None and fault.kind is FaultKind.PERIPHERAL
    assert "PG8" in fault.message and "PWR_CR2.IOSV" in fault.message


@pytest.mark.parametrize(
    "setup",
    [
        f"supply(); uart({BRR});",
        FULL_SPEED + "supply(); uart(266667);",
        HSI + "supply(); RCC_CCIPR = 2u << 10; uart(35556);",
        HSI + "supply(); RCC_APB1ENR2 |= 1; RCC_CCIPR = 2u << 10; LPUART1(0x2C) = 2; uart(8889);",
        "FLASH_ACR = 0x702; RCC_CR |= 0xB8u; supply(); uart(106667);",
    ],
    ids=["4 MHz", "120 MHz", "from HSI16", "from HSI16 by 4", "48 MHz"],
)
def test_the_link_works_from_every_clock(setup: str, tmp_path: Path) -> None:
    ran = run(setup + "put(get());", tmp_path, incoming=b"k")
    assert ran.ended, str(ran.fault)
    assert ran.sent == b"k"
