"""Reset and clock control of the STM32F7 family: RCC."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Clocks, Context, Peripheral, Register, RegisterBlock
from .stm32_clocks import check_core, divided_ahb, divided_apb

BASE = 0x40023800
HSI_HZ = 16_000_000
LSE_HZ = 32_768

_CR, _PLLCFGR, _CFGR, _DCKCFGR2 = 0x00, 0x04, 0x08, 0x90
_AHB1ENR, _APB1ENR, _APB2ENR = 0x30, 0x40, 0x44
_READY_BIT_OF = {0: 1, 16: 17, 24: 25, 26: 27, 28: 29}  # HSI, HSE, PLL, PLLI2S, PLLSAI: enable bit -> ready bit
_HSEON, _PLLON, _PLLRDY = 1 << 16, 1 << 24, 1 << 25

_REGISTERS = {
    _CR: Register("RCC_CR", 0x00000083, 0x150D00F9),
    _PLLCFGR: Register("RCC_PLLCFGR", 0x24003010, 0x0F437FFF),
    _CFGR: Register("RCC_CFGR", 0, 0xFFFFFCF3),
    0x0C: Register("RCC_CIR"),
    0x10: Register("RCC_AHB1RSTR"),
    0x14: Register("RCC_AHB2RSTR"),
    0x18: Register("RCC_AHB3RSTR"),
    0x20: Register("RCC_APB1RSTR"),
    0x24: Register("RCC_APB2RSTR"),
    _AHB1ENR: Register("RCC_AHB1ENR", 0x00100000),
    0x34: Register("RCC_AHB2ENR"),
    0x38: Register("RCC_AHB3ENR"),
    _APB1ENR: Register("RCC_APB1ENR"),
    _APB2ENR: Register("RCC_APB2ENR"),
    0x50: Register("RCC_AHB1LPENR", 0x7EF7B7FF),
    0x54: Register("RCC_AHB2LPENR", 0x000000F1),
    0x58: Register("RCC_AHB3LPENR", 0x00000003),
    0x60: Register("RCC_APB1LPENR", 0xFFFFCBFF),
    0x64: Register("RCC_APB2LPENR", 0x04F77F33),
    0x70: Register("RCC_BDCR"),
    0x74: Register("RCC_CSR", 0x0E000000, 0x01000001),
    0x80: Register("RCC_SSCGR"),
    0x84: Register("RCC_PLLI2SCFGR", 0x24003000),
    0x88: Register("RCC_PLLSAICFGR", 0x24003000),
    0x8C: Register("RCC_DCKCFGR1"),
    _DCKCFGR2: Register("RCC_DCKCFGR2"),
}

# Peripheral -> register and bit of its clock.
_ENABLE: dict[str, tuple[int, int]] = {
    **{f"GPIO{port}": (_AHB1ENR, bit) for bit, port in enumerate("ABCDEFGHIJK")},
    **{f"USART{n}": (_APB1ENR, bit) for n, bit in ((2, 17), (3, 18))},
    **{f"UART{n}": (_APB1ENR, bit) for n, bit in ((4, 19), (5, 20), (7, 30), (8, 31))},
    "PWR": (_APB1ENR, 28),
    "USART1": (_APB2ENR, 4),
    "USART6": (_APB2ENR, 5),
    "SYSCFG": (_APB2ENR, 14),
}

# UART -> shift of its source selection in DCKCFGR2, and the bus it is on.
_UARTS = {
    "USART1": (0, "PCLK2"),
    "USART2": (2, "PCLK1"),
    "USART3": (4, "PCLK1"),
    "UART4": (6, "PCLK1"),
    "UART5": (8, "PCLK1"),
    "USART6": (10, "PCLK2"),
    "UART7": (12, "PCLK1"),
    "UART8": (14, "PCLK1"),
}

_LIMITS = {"PCLK1": 54_000_000, "PCLK2": 108_000_000}
_HZ_PER_WAIT_STATE = 30_000_000  # at 2.7 to 3.6 V
_VCO_INPUT = range(950_000, 2_100_001)
_VCO_OUTPUT = range(100_000_000, 432_000_001)


class Rcc(RegisterBlock):
    """Oscillators are ready as soon as they are switched on, and not before. A clock that the part could not run at
    stops the board: silicon would fail now and then, which is worse."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("RCC", BASE, _REGISTERS)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR:
            return self._cr(value, old)
        if offset == _PLLCFGR and value != old and self.values[_CR] & _PLLON:
            raise Violation(Rule.PLL_CHANGED, "RCC_PLLCFGR is written while the PLL is on", self.base + offset)
        if offset == _CFGR:
            source = value & 3
            ready = self.values[_CR] & {0: 1 << 1, 1: 1 << 17, 2: _PLLRDY}.get(source, 0)
            if ready:  # else the switch waits, and SWS stays
                value = value & ~0xC | source << 2
            self._check_clocks(value)
        return value

    def _cr(self, value: int, old: int) -> int:
        for on, ready in _READY_BIT_OF.items():
            value = value & ~(1 << ready) | (value >> on & 1) << ready
        used = self.values[_CFGR] >> 2 & 3 if _CFGR in self.values else 0
        if not value & {0: 1 << 1, 1: 1 << 17, 2: _PLLRDY}[used]:
            raise Violation(Rule.CORE_STOPPED, "the oscillator that the core runs on is switched off", self.base + _CR)
        if value & _PLLON and not old & _PLLON:
            self._start_pll(value)
        return value

    def _start_pll(self, cr: int) -> None:
        pll = self.values[_PLLCFGR]
        if pll >> 22 & 1 and not cr & _HSEON:
            raise Violation(Rule.PLL_SOURCE, "the PLL is started from HSE, which is off", self.base + _CR)
        m, n = pll & 0x3F, pll >> 6 & 0x1FF
        if m < 2 or not 50 <= n <= 432:
            raise Violation(Rule.PLL_RANGE, f"PLLM {m} or PLLN {n} is out of range", self.base + _CR)
        source = self._pll_input()
        if source // m not in _VCO_INPUT or source * n // m not in _VCO_OUTPUT:
            raise Violation(
                Rule.PLL_RANGE,
                f"the PLL's VCO is set to {source // m} Hz in, {source * n // m} Hz out, outside its range",
                self.base + _CR,
            )

    def _pll_input(self) -> int:
        return self._context.board.mcu.crystal_hz if self.values[_PLLCFGR] >> 22 & 1 else HSI_HZ

    def _system(self, cfgr: int) -> int:
        used = cfgr >> 2 & 3
        if used != 2:
            return HSI_HZ if used == 0 else self._context.board.mcu.crystal_hz
        pll = self.values[_PLLCFGR]
        return self._pll_input() * (pll >> 6 & 0x1FF) // (pll & 0x3F) // (2 * (pll >> 16 & 3) + 2)

    def _check_clocks(self, cfgr: int) -> None:
        core = self._clock("HCLK", cfgr)
        needed = (core - 1) // _HZ_PER_WAIT_STATE
        check_core(self._context, core, core, needed, "voltage scale and over-drive allow", self.base + _CFGR)
        for bus, limit in _LIMITS.items():
            if self._clock(bus, cfgr) > limit:
                raise Violation(
                    Rule.BUS_CLOCK, f"{bus} is {self._clock(bus, cfgr)} Hz, more than {limit} Hz", self.base + _CFGR
                )

    def _clock(self, clock: str, cfgr: int) -> int:
        system = self._system(cfgr)
        if clock == "SYSCLK":
            return system
        core = divided_ahb(system, cfgr >> 4 & 0xF)
        if clock == "HCLK":
            return core
        return divided_apb(core, cfgr >> {"PCLK1": 10, "PCLK2": 13}[clock] & 7)

    def enabled(self, peripheral: str) -> bool:
        register, bit = _ENABLE[peripheral]
        return bool(self.values[register] >> bit & 1)

    def hz(self, clock: str) -> int:
        if clock not in _UARTS:
            return self._clock(clock, self.values[_CFGR])
        shift, bus = _UARTS[clock]
        return {
            0: self.hz(bus),
            1: self.hz("SYSCLK"),
            2: HSI_HZ,
            3: LSE_HZ,
        }[self.values[_DCKCFGR2] >> shift & 3]


def build(context: Context) -> list[Peripheral]:
    rcc = Rcc(context)
    clocks: Clocks = rcc
    context.clocks = clocks
    return [rcc]
