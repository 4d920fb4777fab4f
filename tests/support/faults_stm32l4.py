"""Firmware that treats an STM32L4+ as it must not be: pins without their supply, clocks beyond its voltage range."""

from __future__ import annotations

from edgekit.emulate.rules import Rule

from .bare_metal import L4R5
from .fault_firmware import Firmware

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

STM32L4: dict[str, Firmware] = {
    "send without IOSV": Firmware(Rule.UART_SUPPLY, f"uart({BRR}); put('k');", 0x40008028, "PWR_CR2.IOSV", part=L4R5),
    "send after IOSV is gone": Firmware(
        Rule.UART_SUPPLY,
        f"supply(); uart({BRR}); put('k'); PWR_CR2 = 0; put('k');",
        0x40008028,
        "PWR_CR2.IOSV",
        part=L4R5,
    ),
    "LPUART without its clock": Firmware(
        Rule.UNCLOCKED, f"supply(); pins(); LPUART1(0x0C) = {BRR};", 0x4000800C, "", part=L4R5
    ),
    "port without its clock": Firmware(Rule.UNCLOCKED, "(void)GPIOG(0x00);", 0x48001800, "GPIOG", part=L4R5),
    "PWR without its clock": Firmware(Rule.UNCLOCKED, "PWR_CR2 |= 1u << 9;", 0x40007004, "PWR", part=L4R5),
    "send on a pin that is still analog": Firmware(
        Rule.UART_PIN,
        f"supply(); RCC_AHB2ENR |= 64; RCC_APB1ENR2 |= 1; LPUART1(0x0C) = {BRR}; LPUART1(0x00) = 13; put('k');",
        0x40008028,
        "PG7",
        part=L4R5,
    ),
    "send in another alternate function": Firmware(
        Rule.UART_PIN,
        f"supply(); uart({BRR}); GPIOG(0x20) = 7u << 28; put('k');",
        0x40008028,
        "in alternate function 7, not 8",
        part=L4R5,
    ),
    "send while the LPUART is off": Firmware(
        Rule.UART_OFF, f"supply(); uart({BRR}); LPUART1(0x00) = 0; LPUART1(0x28) = 65;", 0x40008028, "UE", part=L4R5
    ),
    "send 3 % too slow": Firmware(
        Rule.BAUD,
        f"supply(); uart({BRR * 103 // 100}); put('k');",
        0x4000800C,
        "the board's link is 115200 baud",
        part=L4R5,
    ),
    "a USART's baud rate register": Firmware(
        Rule.UART_DIVIDER, "supply(); uart(35);", 0x4000800C, "least value", part=L4R5
    ),
    "a prescaler forgotten in the baud rate": Firmware(
        Rule.BAUD,
        f"supply(); RCC_APB1ENR2 |= 1; LPUART1(0x2C) = 1; uart({BRR}); put('k');",
        0x4000800C,
        "57599 baud",
        part=L4R5,
    ),
    "prescaler changed while enabled": Firmware(
        Rule.UART_CHANGED, f"supply(); uart({BRR}); LPUART1(0x2C) = 1;", 0x4000802C, "PRESC", part=L4R5
    ),
    "baud rate for PCLK1 with HSI16 selected": Firmware(
        Rule.BAUD, HSI + f"supply(); RCC_CCIPR = 2u << 10; uart({BRR}); put('k');", 0x4000800C, "460", part=L4R5
    ),
    "oversampling by 8": Firmware(
        Rule.UART_BIT, "supply(); RCC_APB1ENR2 |= 1; LPUART1(0x00) = 0x8000;", 0x40008000, "OVER8", part=L4R5
    ),
    "the FIFO": Firmware(
        Rule.UART_FORMAT, "supply(); RCC_APB1ENR2 |= 1; LPUART1(0x00) = 1u << 29;", 0x40008000, "FIFO", part=L4R5
    ),
    "a crystal that the board does not have": Firmware(
        Rule.STALLED, "RCC_CR |= 1u << 16; while (!(RCC_CR & 1u << 17)) { }", None, "", part=L4R5
    ),
    "PLL from a stopped oscillator": Firmware(
        Rule.PLL_SOURCE, PLLCFGR + "RCC_CR |= 1u << 24;", 0x40021000, "HSI16", part=L4R5
    ),
    "PLL from nothing": Firmware(Rule.PLL_SOURCE, "RCC_CR |= 1u << 24;", 0x40021000, "nothing", part=L4R5),
    "PLL out of range": Firmware(
        Rule.PLL_RANGE,
        HSI + "RCC_PLLCFGR = 127u << 8 | 2u; RCC_CR |= 1u << 24;",
        0x40021000,
        "2032000000 Hz out",
        part=L4R5,
    ),
    "PLL changed while on": Firmware(
        Rule.PLL_CHANGED, PLL + "RCC_PLLCFGR += 1u << 8;", 0x4002100C, "while the PLL is on", part=L4R5
    ),
    "PLL whose output is off": Firmware(
        Rule.PLL_OUTPUT,
        PLL + BOOST + LATENCY + "RCC_PLLCFGR &= ~(1u << 24);" + HALVED + SWITCH,
        0x40021008,
        "PLLREN",
        part=L4R5,
    ),
    "PLL's output cut while it is in use": Firmware(
        Rule.PLL_OUTPUT, FULL_SPEED + "RCC_PLLCFGR &= ~(1u << 24);", 0x4002100C, "PLLREN", part=L4R5
    ),
    "the running oscillator switched off": Firmware(Rule.CORE_STOPPED, "RCC_CR &= ~1u;", 0x40021000, "MSI", part=L4R5),
    "MSI at 48 MHz without wait states": Firmware(
        Rule.WAIT_STATES, "RCC_CR |= 0xB8u;", 0x40021000, "48000000 Hz with 0 flash wait states; it needs 2", part=L4R5
    ),
    "120 MHz without boost": Firmware(
        Rule.SUPPLY, PLL + LATENCY + HALVED + SWITCH, 0x40021008, "allows 80000000", part=L4R5
    ),
    "120 MHz with 4 wait states": Firmware(
        Rule.WAIT_STATES,
        PLL + BOOST + "FLASH_ACR = 4;" + HALVED + SWITCH + WHOLE,
        0x40021008,
        "4 flash wait states; it needs 5",
        part=L4R5,
    ),
    "120 MHz at once": Firmware(Rule.CLOCK_STEP, PLL + BOOST + LATENCY + SWITCH, 0x40021008, "at once", part=L4R5),
    "boost dropped at 120 MHz": Firmware(
        Rule.SUPPLY, FULL_SPEED + "PWR_CR5 = 1u << 8;", 0x40007080, "80000000", part=L4R5
    ),
    "range 2 at 120 MHz": Firmware(Rule.SUPPLY, FULL_SPEED + "PWR_CR1 = 2u << 9;", 0x40007000, "26000000", part=L4R5),
    "wait states dropped at 120 MHz": Firmware(
        Rule.WAIT_STATES, FULL_SPEED + "FLASH_ACR = 0x704;", 0x40022000, "needs 5", part=L4R5
    ),
    "no voltage range": Firmware(Rule.VOLTAGE, "RCC_APB1ENR1 |= 1u << 28; PWR_CR1 = 0;", 0x40007000, "VOS", part=L4R5),
    "a cache reset while it is on": Firmware(
        Rule.CACHE_RESET, "FLASH_ACR |= 1u << 11;", 0x40022000, "ICRST", part=L4R5
    ),
    "read between RAM and peripherals": Firmware(
        Rule.UNMAPPED_READ, "(void)REG(0x200A0000);", 0x200A0000, "", part=L4R5
    ),
    "a register of another family": Firmware(Rule.UNMAPPED_READ, "(void)REG(0x40023800);", 0x40023800, "", part=L4R5),
}
