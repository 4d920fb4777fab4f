"""What the SVD files call differently, leave out or get wrong, and where the models depart from them on purpose.

Every entry holds both values, so it explains exactly one difference and goes stale with either of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.svd import Difference

CORE_ALIASES: Mapping[str, str] = {
    **{f"IP{4 * i}": f"IPR{i}" for i in range(60)},
    **{f"MPU_{n}_A{i}": f"MPU_{n}{i}" for n in ("RBAR", "RASR") for i in (1, 2, 3)},
    **{f"RBAR_A{i}": f"RBAR{i}" for i in (1, 2, 3)},
    **{f"RASR_A{i}": f"RASR{i}" for i in (1, 2, 3)},
    **{name: f"ID{i}" for i, name in enumerate(("PFR0", "PFR1", "DFR", "ADR"))},
    **{f"MMFR{i}": f"ID{4 + i}" for i in range(4)},
    **{f"ISAR{i}": f"ID{8 + i}" for i in range(5)},
}

STM32F7_ALIASES: Mapping[str, str] = {
    "GPIOB_OSPEEDR": "OSPEEDR",
    "DKCFGR1": "DCKCFGR1",
    "DKCFGR2": "DCKCFGR2",
    "ISR.NF": "NE",
    "APB1ENR.UART7ENR": "UART7EN",
    "APB1ENR.UART8ENR": "UART8EN",
}


STM32L4_ALIASES: Mapping[str, str] = {"ISR.NF": "NE"}


def _reset(register: str, ours: int, theirs: int) -> Difference:
    return Difference(f"{register} reset", f"0x{ours:x}", f"0x{theirs:x}")


def _writable(register: str, ours: int, theirs: int) -> Difference:
    return Difference(f"{register} writable", f"0x{ours:x}", f"0x{theirs:x}")


_BY_THE_PART = "decided by the part that the core is built into; the core's file is another part's"
_PLACEHOLDER = "the file has a placeholder: the architecture fixes bits that it has as 0"
_LOW_POWER = "the file has another series' value, which leaves off clocks that it has fields for"
_PLL_COPY = "one value, also for registers without fields at its bits: a copy of another register's"
_OTHER_FILE = "STM32F750.svd, of the same silicon, has our value"
_LATER_FILE = "STM32G474xx.svd and STM32L552.svd, later and of the same port design, have our value"
_LPUART = "the low-power UART, whose model this is the base of, lacks them"
_CACHES = "this core has no caches; the shared header and model are compared for the one that has them"
_L4_PLUS = "the file repeats the smaller L4s'"
_PLLSAI = "the file has the PLL's other registers, and STM32F7x2.svd these bits"

CORE_EXPLAINED: Mapping[Difference, str] = {
    Difference("SCB_AIRCR_VECTKEY", "0x5fa0000", "0xffff0000"): "the key itself, not the mask of its field",
}

CORTEX_M7_EXPLAINED: Mapping[Difference, str] = {
    _reset("AIRCR", 0xFA050000, 0): _PLACEHOLDER,
    _reset("CCR", 0x00040200, 0): _PLACEHOLDER,
    _reset("CCSIDR", 0xF003E019, 0): _BY_THE_PART,
    _reset("CPUID", 0x410FC271, 0x411FC271): "another revision of the core",
    _reset("ICTR", 0x3, 0): _BY_THE_PART,
    _reset("MPU_TYPE", 0x800, 0x1000): _BY_THE_PART,
    _reset("MVFR1", 0x11000011, 0x10110021): "the file repeats the value of MVFR0",
    _reset("MVFR2", 0x40, 0x10110021): "the file repeats the value of MVFR0",
    _reset("SYST_CSR", 0, 0x4): _BY_THE_PART,
    _reset("SYST_CALIB", 0xC0000000, 0): _BY_THE_PART,
    _reset(
        "ITCMCR", 1, 0
    ): "the part boots with both TCMs on, or it could not have its stack there; the file has all 0",
    _reset(
        "DTCMCR", 1, 0
    ): "the part boots with both TCMs on, or it could not have its stack there; the file has all 0",
}

_PORTS_CACHE_OPERATIONS = frozenset({"SCB_ICIALLU", "SCB_DCIMVAC", "SCB_DCISW", "SCB_DCCMVAC"})
CORE_ABSENT = frozenset({"DWT_LAR", "DWT_LAR_KEY", "DWT_LSR", "ID13"})
CORTEX_M7_ABSENT = CORE_ABSENT | _PORTS_CACHE_OPERATIONS | {"ICI*", "DCI*", "DCC*", "BPIALL"}
"""ATSAME70J21B.svd has the cache operations, 0x100 below where the architecture has them: they are compared with
nothing."""

CORTEX_M4_EXPLAINED: Mapping[Difference, str] = {
    Difference("SCB_CCR_DC", "0x10000", "no such field of SystemControl_CCR"): _CACHES,
    Difference("SCB_CCR_IC", "0x20000", "no such field of SystemControl_CCR"): _CACHES,
    Difference("system_control._CACHES", "0x30000", "no field DC, IC"): _CACHES,
    Difference("system_control.CCSIDR", "0xd80", "no field of that name"): _CACHES,
    Difference("system_control.CSSELR", "0xd84", "no field of that name"): _CACHES,
    _reset("CPUID", 0x410FC241, 0x410FC240): "another revision of the core",
}
CORTEX_M4_TIMER_EXPLAINED: Mapping[Difference, str] = {
    _reset("SYST_CSR", 0, 0x4): _BY_THE_PART,
    _reset("SYST_CALIB", 0xC0000000, 0): _BY_THE_PART,
}
"""Where SysTick is modelled."""
CORTEX_M4_ABSENT = (
    CORE_ABSENT
    | _PORTS_CACHE_OPERATIONS
    | {
        *("SCB_CCSIDR", "SCB_CSSELR", "MVFR2"),
        *("NVIC_I[CS][EP]R[567]", "NVIC_IABR[567]", "NVIC_IPR2[1-9]", "NVIC_IPR[345]?"),
    }
)
"""The file's part has fewer interrupts than the model has registers for."""

STM32F4_EXPLAINED: Mapping[Difference, str] = {
    Difference("PWR_CR_VOS", "0x4000", "no such field of PWR_CR"): "STM32F401.svd and later ones have it there",
}

STM32F4_ABSENT = frozenset({"NVIC_IPR20"})
"""The part's interrupts end where another's in this register begin."""

STM32F7_EXPLAINED: Mapping[Difference, str] = {
    Difference("PLLSAION", "0x10000000", "no field PLLSAION"): _PLLSAI,
    Difference("PLLSAIRDY", "0x20000000", "no field PLLSAIRDY"): _PLLSAI,
    _writable("RCC_CR", 0x150D00F9, 0x050D00F9): _PLLSAI,
    _reset("RCC_AHB1LPENR", 0x7EF7B7FF, 0x7E6791FF): _LOW_POWER,
    _reset("RCC_AHB3LPENR", 0x00000003, 0x00000001): _LOW_POWER,
    _reset("RCC_APB1LPENR", 0xFFFFCBFF, 0x36FEC9FF): _LOW_POWER,
    _reset("RCC_APB2LPENR", 0x04F77F33, 0x00075F33): _LOW_POWER,
    _reset("RCC_PLLI2SCFGR", 0x24003000, 0x20003000): _PLL_COPY,
    _reset("RCC_PLLSAICFGR", 0x24003000, 0x20003000): _PLL_COPY,
    _reset("RCC_DCKCFGR1", 0, 0x20003000): _PLL_COPY,
    _reset("RCC_DCKCFGR2", 0, 0x20003000): _PLL_COPY,
    _reset("PWR_CSR1", 0x4000, 0): "VOSRDY: the model's regulator is ready at once",
    _reset("FLASH_OPTCR", 0xC0FFAAFD, 0x0FFFAAED): _OTHER_FILE,
    _reset("FLASH_OPTCR1", 0x00400080, 0x0FFF0000): _OTHER_FILE,
    _reset("GPIOA_OSPEEDR", 0x0C000000, 0): _LATER_FILE,
}

STM32L4_EXPLAINED: Mapping[Difference, str] = {
    Difference("FLASH_ACR_LATENCY", "0xf", "0x7"): _L4_PLUS,
    _writable("FLASH_ACR", 0x7F0F, 0x7F07): _L4_PLUS,
    _writable("RCC_AHB3ENR", 0x301, 0x201): "the file has OCTOSPI2's bit and not OCTOSPI1's",
    _writable("RCC_AHB3SMENR", 0x301, 0x201): "the file has OCTOSPI2's bit and not OCTOSPI1's",
    _writable("PWR_PUCRH", 0xFFFF, 0x3): _L4_PLUS,
    _writable("PWR_PDCRH", 0xFFFF, 0x3): _L4_PLUS,
    _reset("GPIOA_OSPEEDR", 0x0C000000, 0): _LATER_FILE,
    _reset("GPIOB_OSPEEDR", 0, 0xC0): _LATER_FILE,
    _reset("GPIOA_MODER", 0xABFFFFFF, 0xA8000000): _LATER_FILE,
    _reset("GPIOB_MODER", 0xFFFFFEBF, 0x280): _LATER_FILE,
    **{_reset(f"GPIO{port}_MODER", 0xFFFFFFFF, 0): _LATER_FILE for port in "CDEFGHI"},
    Difference("stm32l4_pwr.R1MODE", "0x100", "no field of that name"): "the file lacks PWR_CR5",
    Difference("stm32_lpuart.OVER8", "0x8000", "no field of that name"): _LPUART,
    Difference("stm32_lpuart.FIFOEN", "0x20000000", "no field of that name"): "the file lacks the FIFO of the L4+",
    Difference("stm32_usart_v2.OVER8", "0x8000", "no field of that name"): _LPUART,
    Difference("stm32_usart_v2._INTERRUPTS", "0xc0041f0", "no field RTOIE, EOBIE"): _LPUART,
}
STM32L4_ABSENT = frozenset({"PWR_CR5", "PWR_CR5_R1MODE", "PWR_P[UD]CRI", "LPUART1_PRESC"})
"""What the L4+ has beyond the other L4s, which the file repeats."""

STM32G0_ALIASES: Mapping[str, str] = {
    "CR1_FIFO_ENABLED": "CR1",
    "ISR_FIFO_ENABLED": "ISR",
    "CR1_FIFO_ENABLED.RXFNEIE": "RXNEIE",
    "CR1_FIFO_ENABLED.TXFNFIE": "TXEIE",
    "ISR_FIFO_ENABLED.RXFNE": "RXNE",
    "ISR_FIFO_ENABLED.TXFNF": "TXE",
}
"""The file has two descriptions of some registers, with the FIFOs on and off, of which the first one is compared."""
STM32G0_EXPLAINED: Mapping[Difference, str] = {
    _reset("USART2_ISR", 0xC0, 0x8000C0): "TXFE, of FIFOs that are off after a reset",
}
CORTEX_M0PLUS_EXPLAINED: Mapping[Difference, str] = {
    **{d: why for d, why in CORTEX_M4_EXPLAINED.items() if d.what.startswith("SCB_CCR_")},
    _reset("CPUID", 0x410CC601, 0x410FC240): "the file is of another core",
    _reset("CCR", 0x208, 0x200): "UNALIGN_TRP is always set on Armv6-M",
}

CORTEX_M0PLUS_ABSENT = _PORTS_CACHE_OPERATIONS | {"SCB_CCSIDR", "SCB_CSSELR", "DWT_LAR", "DWT_LAR_KEY"}
"""Of the header that is for all cores."""
