"""Firmware that treats the clocks, the UARTs and the ports of an STM32F7 as they must not be."""

from __future__ import annotations

from edgekit.emulate.rules import Rule

from .fault_firmware import Firmware

HSE_PLL = """
    RCC_CR |= 1u << 16;
    while (!(RCC_CR & 1u << 17)) { }
    RCC_PLLCFGR = 9u << 24 | 1u << 22 | 432u << 6 | 25u; /* 25 MHz / 25 * 432 / 2 = 216 MHz */
    RCC_CR |= 1u << 24;
    while (!(RCC_CR & 1u << 25)) { }
"""
OVERDRIVE = """
    RCC_APB1ENR |= 1u << 28;
    PWR_CR1 |= 1u << 16;
    while (!(PWR_CSR1 & 1u << 16)) { }
    PWR_CR1 |= 1u << 17;
    while (!(PWR_CSR1 & 1u << 17)) { }
"""
LATENCY = "FLASH_ACR = 7;"
SWITCH = "RCC_CFGR |= 5u << 10 | 4u << 13; RCC_CFGR |= 2; while ((RCC_CFGR >> 2 & 3) != 2) { }"

STM32F7: dict[str, Firmware] = {
    "reserved register": Firmware(Rule.NO_REGISTER, "(void)REG(0x40023828);", 0x40023828),
    "UART without its clock": Firmware(Rule.UNCLOCKED, "USART1(0x0C) = 139;", 0x4001100C),
    "port without its clock": Firmware(Rule.UNCLOCKED, "(void)GPIOA(0x00);", 0x40020000),
    "PWR without its clock": Firmware(Rule.UNCLOCKED, "PWR_CR1 |= 1u << 16;", 0x40007000),
    "send while the UART is off": Firmware(Rule.UART_OFF, "pins(); RCC_APB2ENR |= 16; USART1(0x28) = 65;", 0x40011028),
    "send while the transmitter is off": Firmware(
        Rule.UART_OFF, "pins(); RCC_APB2ENR |= 16; USART1(0x0C) = 139; USART1(0x00) = 5; USART1(0x28) = 65;", 0x40011028
    ),
    "send on a pin that is not the UART's": Firmware(
        Rule.UART_PIN,
        "RCC_AHB1ENR |= 3; RCC_APB2ENR |= 16; USART1(0x0C) = 139; USART1(0x00) = 13; USART1(0x28) = 65;",
        0x40011028,
    ),
    "send in another alternate function": Firmware(
        Rule.UART_PIN, "uart(); GPIOA(0x24) = 4u << 4; USART1(0x28) = 65;", 0x40011028
    ),
    "send 3 % too fast": Firmware(
        Rule.BAUD, "pins(); RCC_APB2ENR |= 16; USART1(0x0C) = 135; USART1(0x00) = 13; USART1(0x28) = 65;", 0x4001100C
    ),
    "baud rate changed while enabled": Firmware(Rule.UART_CHANGED, "uart(); USART1(0x0C) = 140;", 0x4001100C),
    "UART interrupt": Firmware(Rule.INTERRUPT, "uart(); USART1(0x00) |= 1u << 5;", 0x40011000),
    "misaligned load of a peripheral": Firmware(Rule.UNALIGNED_PERIPHERAL, "(void)REG(0x40023802);", 0x40023802),
    "PLL from a stopped crystal": Firmware(
        Rule.PLL_SOURCE, "RCC_PLLCFGR = 0x29406C19; RCC_CR |= 1u << 24;", 0x40023800
    ),
    "PLL changed while on": Firmware(Rule.PLL_CHANGED, "RCC_CR |= 1u << 24; RCC_PLLCFGR = 0x24003008;", 0x40023804),
    "PLL out of range": Firmware(Rule.PLL_RANGE, "RCC_PLLCFGR = 0x24003002; RCC_CR |= 1u << 24;", 0x40023800),
    "the running oscillator switched off": Firmware(Rule.CORE_STOPPED, "RCC_CR &= ~1u;", 0x40023800),
    "over-drive switched before it is on": Firmware(
        Rule.OVERDRIVE, "RCC_APB1ENR |= 1u << 28; PWR_CR1 |= 2u << 16;", 0x40007000
    ),
    "SysTick's interrupt": Firmware(Rule.INTERRUPT, "REG(0xE000E014) = 1000; REG(0xE000E010) = 3;", 0xE000E010),
    "9 data bits": Firmware(Rule.UART_FORMAT, "RCC_APB2ENR |= 16; USART1(0x00) = 0x100D;", 0x40011000, "8 data bits"),
    "frame format changed while enabled": Firmware(Rule.UART_CHANGED, "uart(); USART1(0x00) = 0x800D;", 0x40011000),
    "PLL factors out of range": Firmware(
        Rule.PLL_RANGE, "RCC_PLLCFGR = 0x24003000; RCC_CR |= 1u << 24;", 0x40023800, "PLLM"
    ),
    "full speed with too few wait states": Firmware(
        Rule.WAIT_STATES, HSE_PLL + OVERDRIVE + "FLASH_ACR = 6;" + SWITCH, 0x40023808
    ),
    "full speed without over-drive": Firmware(Rule.SUPPLY, HSE_PLL + LATENCY + SWITCH, 0x40023808, "over-drive"),
    "full speed without bus prescalers": Firmware(
        Rule.BUS_CLOCK, HSE_PLL + OVERDRIVE + LATENCY + "RCC_CFGR |= 2;", 0x40023808, "PCLK1"
    ),
    "the flash accelerator reset while it is on": Firmware(
        Rule.CACHE_RESET, "FLASH_ACR = 1u << 9; FLASH_ACR |= 1u << 11;", 0x40023C00
    ),
}
