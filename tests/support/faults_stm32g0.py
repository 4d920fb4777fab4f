"""Firmware that treats an STM32G0 as it must not be: clocks out of range, a UART without its pins, a divided timer."""

from __future__ import annotations

from edgekit.emulate.rules import Rule

from .bare_metal import G0B1
from .fault_firmware import Firmware

BRR = 139  # 16 MHz / 139 = 115108 baud
# 16 MHz * 8 / 2 = 64 MHz; R holds 2 - 1.
PLLCFGR = "RCC_PLLCFGR = 1u << 29 | 1u << 28 | 8u << 8 | 2u;"
PLL = PLLCFGR + "RCC_CR |= 1u << 24; while (!(RCC_CR & 1u << 25)) { }"
LATENCY = "FLASH_ACR = 0x702;"
SWITCH = "RCC_CFGR = 2; while ((RCC_CFGR >> 3 & 7) != 2) { }"


def _broken(rule: Rule, source: str, address: int, says: str) -> Firmware:
    return Firmware(rule, source, address, says, part=G0B1)


STM32G0: dict[str, Firmware] = {
    "USART without its clock": _broken(Rule.UNCLOCKED, f"pins(); USART2(0x0C) = {BRR};", 0x4000440C, "USART2"),
    "port without its clock": _broken(Rule.UNCLOCKED, "(void)GPIOA(0x00);", 0x50000000, "GPIOA"),
    "PWR without its clock": _broken(Rule.UNCLOCKED, "(void)PWR_CR1;", 0x40007000, "PWR"),
    "timer without its clock": _broken(Rule.UNCLOCKED, "TIM2(0x00) = 1;", 0x40000000, "TIM2"),
    "send on a pin that is still analog": _broken(
        Rule.UART_PIN,
        f"RCC_IOPENR = 1; RCC_APBENR1 = 1u << 17; USART2(0x0C) = {BRR}; USART2(0x00) = 13; put('k');",
        0x40004428,
        "PA2",
    ),
    "send 3 % too slow": _broken(
        Rule.BAUD, f"uart({BRR * 103 // 100}); put('k');", 0x4000440C, "the board's link is 115200 baud"
    ),
    "send at the rate of another clock": _broken(
        Rule.BAUD, f"uart({BRR}); put('k');" + PLL + LATENCY + SWITCH + "put('k');", 0x4000440C, "460432 baud"
    ),
    "a fault status register of Armv7-M": _broken(Rule.NO_REGISTER, "(void)REG(0xE000ED28);", 0xE000ED28, "0xd28"),
    "an interrupt beyond the 32nd": _broken(Rule.NO_REGISTER, "(void)REG(0xE000E104);", 0xE000E104, "0x104"),
    "a FIFO": _broken(Rule.UART_FORMAT, "uart(139); USART2(0x00) = 1u << 29;", 0x40004400, "FIFO"),
    "a UART's prescaler": _broken(Rule.UART_FORMAT, "uart(139); USART2(0x2C) = 1;", 0x4000442C, "prescaler"),
    "HSI16 off while the core runs on it": _broken(Rule.CORE_STOPPED, "RCC_CR = 0;", 0x40021000, "HSI16"),
    "the PLL from nothing": _broken(
        Rule.PLL_SOURCE, "RCC_PLLCFGR = 1u << 29 | 8u << 8; RCC_CR |= 1u << 24;", 0x40021000, "nothing"
    ),
    "PLLN too small": _broken(
        Rule.PLL_RANGE, "RCC_PLLCFGR = 1u << 29 | 7u << 8 | 2u; RCC_CR |= 1u << 24;", 0x40021000, "PLLN 7"
    ),
    "the VCO too fast": _broken(
        Rule.PLL_RANGE, "RCC_PLLCFGR = 1u << 29 | 22u << 8 | 2u; RCC_CR |= 1u << 24;", 0x40021000, "352000000"
    ),
    "the PLL's factors while it is on": _broken(
        Rule.PLL_CHANGED, PLL + "RCC_PLLCFGR ^= 1u << 8;", 0x4002100C, "while the PLL is on"
    ),
    "on to a PLL without its output": _broken(
        Rule.PLL_OUTPUT, PLL + "RCC_PLLCFGR &= ~(1u << 28);" + LATENCY + SWITCH, 0x40021008, "PLLREN"
    ),
    "too few wait states": _broken(Rule.WAIT_STATES, PLL + SWITCH, 0x40021008, "it needs 2"),
    "wait states taken back": _broken(
        Rule.WAIT_STATES, PLL + LATENCY + SWITCH + "FLASH_ACR = 0x701;", 0x40022000, "it needs 2"
    ),
    "64 MHz in range 2": _broken(
        Rule.SUPPLY,
        LATENCY + "RCC_APBENR1 = 1u << 28; PWR_CR1 = 2u << 9;" + PLL + SWITCH,
        0x40021008,
        "voltage range allows 16000000 Hz",
    ),
    "range 2 at 64 MHz": _broken(
        Rule.SUPPLY, "RCC_APBENR1 = 1u << 28;" + PLL + LATENCY + SWITCH + "PWR_CR1 = 2u << 9;", 0x40007000, "16000000"
    ),
    "no voltage range": _broken(Rule.VOLTAGE, "RCC_APBENR1 = 1u << 28; PWR_CR1 = 3u << 9;", 0x40007000, "no range"),
    "the cache is reset while it is on": _broken(Rule.CACHE_RESET, "FLASH_ACR |= 1u << 11;", 0x40022000, "ICRST"),
    "the timer's interrupt": _broken(
        Rule.INTERRUPT, "RCC_APBENR1 = 1; TIM2(0x0C) = 1;", 0x4000000C, "TIM2's interrupts"
    ),
    "a timer that is divided": _broken(
        Rule.NO_REGISTER, "RCC_APBENR1 = 1; TIM2(0x28) = 1;", 0x40000028, "not modelled"
    ),
}
