"""Reset and clock control of the STM32L4+: RCC."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Clocks, Context, Peripheral, Register, RegisterBlock
from .stm32_clocks import check_core, divided_ahb, divided_apb
from .stm32l4_flash import wait_states

BASE = 0x40021000
HSI_HZ = 16_000_000
LSE_HZ = 32_768
_MSI_HZ = tuple(1000 * k for k in (100, 200, 400, 800, 1000, 2000, 4000, 8000, 16000, 24000, 32000, 48000))
_MSI_AFTER_RESET = 6

_CR, _CFGR, _PLLCFGR, _CCIPR = 0x00, 0x08, 0x0C, 0x88
_AHB2ENR, _APB1ENR1, _APB1ENR2, _APB2ENR = 0x4C, 0x58, 0x5C, 0x60
_READY_BIT_OF = {0: 1, 8: 10, 16: 17, 24: 25, 26: 27, 28: 29}  # MSI, HSI16, HSE, PLL, PLLSAI1, PLLSAI2
_HSEON, _PLLON = 1 << 16, 1 << 24
_SOURCES = {0: ("MSI", 1 << 1), 1: ("HSI16", 1 << 10), 2: ("HSE", 1 << 17), 3: ("PLL", 1 << 25)}  # by SW
_PLLREN = 1 << 24
_PLL_ENABLES = 1 << 16 | 1 << 20 | _PLLREN  # outputs may be switched while the PLL runs

_REGISTERS = {
    _CR: Register("RCC_CR", 0x00000063, 0x150D0BFD),
    0x04: Register("RCC_ICSCR", 0x10000000, 0x7F00FF00),
    _CFGR: Register("RCC_CFGR", 0, 0x0700BFF3),
    _PLLCFGR: Register("RCC_PLLCFGR", 0x00001000, 0xFF737FF3),
    0x10: Register("RCC_PLLSAI1CFGR", 0x00001000, 0xFF737FF0),
    0x14: Register("RCC_PLLSAI2CFGR", 0x00001000, 0xFF737FF0),
    0x18: Register("RCC_CIER", 0, 0x000006FF),
    0x1C: Register("RCC_CIFR", 0, 0),
    0x20: Register("RCC_CICR", 0, 0),
    0x28: Register("RCC_AHB1RSTR"),
    0x2C: Register("RCC_AHB2RSTR"),
    0x30: Register("RCC_AHB3RSTR"),
    0x38: Register("RCC_APB1RSTR1"),
    0x3C: Register("RCC_APB1RSTR2"),
    0x40: Register("RCC_APB2RSTR"),
    0x48: Register("RCC_AHB1ENR", 0x00000100, 0x00071107),
    _AHB2ENR: Register("RCC_AHB2ENR", 0, 0x005771FF),
    0x50: Register("RCC_AHB3ENR", 0, 0x00000301),
    _APB1ENR1: Register("RCC_APB1ENR1", 0, 0xF3FECC3F),
    _APB1ENR2: Register("RCC_APB1ENR2", 0, 0x00000023),
    _APB2ENR: Register("RCC_APB2ENR", 0, 0x0D677881),
    0x68: Register("RCC_AHB1SMENR", 0x00011303, 0x00071307),
    0x6C: Register("RCC_AHB2SMENR", 0x000532FF, 0x005777FF),
    0x70: Register("RCC_AHB3SMENR", 0x00000101, 0x00000301),
    0x78: Register("RCC_APB1SMENR1", 0xF2FECA3F, 0xF3FECC3F),
    0x7C: Register("RCC_APB1SMENR2", 0x00000025, 0x00000023),
    0x80: Register("RCC_APB2SMENR", 0x01677C01, 0x0D677801),
    _CCIPR: Register("RCC_CCIPR", 0, 0x3FFFFFFF),
    0x90: Register("RCC_BDCR", 0, 0x0301833D),
    0x94: Register("RCC_CSR", 0x0C000600, 0x00800F01),
    0x98: Register("RCC_CRRCR", 0, 0x00000001),
    0x9C: Register("RCC_CCIPR2", 0, 0x003357FF),
}

# Peripheral -> register and bit of its clock.
_ENABLE: dict[str, tuple[int, int]] = {
    **{f"GPIO{port}": (_AHB2ENR, bit) for bit, port in enumerate("ABCDEFGHI")},
    "PWR": (_APB1ENR1, 28),
    "LPUART1": (_APB1ENR2, 0),
    "SYSCFG": (_APB2ENR, 0),
}

_LPUART1SEL = 10
_STEP_HZ = 80_000_000  # beyond it the core goes over half of its clock
_VCO_INPUT = range(4_000_000, 16_000_001)
_VCO_OUTPUT = range(64_000_000, 344_000_001)


class Rcc(RegisterBlock):
    """Oscillators are ready as soon as they are switched on, and not before; HSE only where the board has a crystal. A
    clock that the part could not run at stops the board: silicon would fail now and then, which is worse."""

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("RCC", BASE, _REGISTERS)

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _CR:
            return self._cr(value, old)
        if offset == _PLLCFGR:
            self._check_pll_change(value ^ old)
        if offset == _CFGR:
            source = value & 3
            if self.values[_CR] & _SOURCES[source][1]:  # else the switch waits, and SWS stays
                value = value & ~0xC | source << 2
            self._check_switch(value, old)
        return value

    def _cr(self, value: int, old: int) -> int:
        for on, ready in _READY_BIT_OF.items():
            comes_up = value >> on & 1 if on != 16 or self._context.board.mcu.crystal_hz else 0
            value = value & ~(1 << ready) | comes_up << ready
        name, ready = _SOURCES[self.values[_CFGR] >> 2 & 3]
        if not value & ready:
            raise Violation(Rule.CORE_STOPPED, f"{name}, which the core runs on, is switched off", self.base + _CR)
        if value & _PLLON and not old & _PLLON:
            self._start_pll(value)
        self.values[_CR] = value
        self._check_core(self.values[_CFGR], self.base + _CR)  # MSI may run at another frequency now
        return value

    def _check_pll_change(self, changed: int) -> None:
        if changed & ~_PLL_ENABLES and self.values[_CR] & _PLLON:
            raise Violation(Rule.PLL_CHANGED, "RCC_PLLCFGR is written while the PLL is on", self.base + _PLLCFGR)
        if changed & _PLLREN and self.values[_CFGR] >> 2 & 3 == 3:
            message = "RCC_PLLCFGR.PLLREN is changed while the core runs on the PLL"
            raise Violation(Rule.PLL_OUTPUT, message, self.base + _PLLCFGR)

    def _start_pll(self, cr: int) -> None:
        source = self.values[_PLLCFGR] & 3
        name, ready = {1: _SOURCES[0], 2: _SOURCES[1], 3: _SOURCES[2]}.get(source, ("nothing", 0))
        if not cr & ready:
            raise Violation(Rule.PLL_SOURCE, f"the PLL is started from {name}, which does not run", self.base + _CR)
        n = self.values[_PLLCFGR] >> 8 & 0x7F
        if not 8 <= n <= 127:
            raise Violation(Rule.PLL_RANGE, f"PLLN {n} is out of range", self.base + _CR)
        into, out = self._vco(cr)
        if into not in _VCO_INPUT or out not in _VCO_OUTPUT:
            message = f"the PLL's VCO is set to {into} Hz in, {out} Hz out, outside its range"
            raise Violation(Rule.PLL_RANGE, message, self.base + _CR)

    def _vco(self, cr: int) -> tuple[int, int]:
        """The PLL's oscillator, (in, out) in Hz."""
        pll = self.values[_PLLCFGR]
        source = {1: self._msi(cr), 2: HSI_HZ, 3: self._context.board.mcu.crystal_hz}.get(pll & 3, 0)
        m = (pll >> 4 & 0xF) + 1
        return source // m, source * (pll >> 8 & 0x7F) // m

    def _msi(self, cr: int) -> int:
        return _MSI_HZ[min(cr >> 4 & 0xF, 11) if cr & 1 << 3 else _MSI_AFTER_RESET]

    def _system(self, cfgr: int) -> int:
        cr, pll = self.values[_CR], self.values[_PLLCFGR]
        used = cfgr >> 2 & 3
        if used == 3:
            return self._vco(cr)[1] // (2 * (pll >> 25 & 3) + 2)
        return (self._msi(cr), HSI_HZ, self._context.board.mcu.crystal_hz)[used]

    def _check_switch(self, cfgr: int, old: int) -> None:
        address = self.base + _CFGR
        if cfgr >> 2 & 3 == 3 and not self.values[_PLLCFGR] & _PLLREN:
            message = "the core is switched to the PLL while RCC_PLLCFGR.PLLREN is clear"
            raise Violation(Rule.PLL_OUTPUT, message, address)
        self._check_core(cfgr, address)
        core = self._clock("HCLK", cfgr)
        if core > _STEP_HZ and self._system(cfgr) != self._system(old):
            message = f"the core is switched to {core} Hz at once; above {_STEP_HZ} Hz it runs at half of it first"
            raise Violation(Rule.CLOCK_STEP, message, address)

    def _check_core(self, cfgr: int, address: int) -> None:
        system, core = self._system(cfgr), self._clock("HCLK", cfgr)
        highest = self._context.power() if self._context.power is not None else system
        check_core(self._context, system, core, wait_states(core, highest), "voltage range allows", address)

    def _clock(self, clock: str, cfgr: int) -> int:
        system = self._system(cfgr)
        if clock == "SYSCLK":
            return system
        core = divided_ahb(system, cfgr >> 4 & 0xF)
        if clock == "HCLK":
            return core
        return divided_apb(core, cfgr >> {"PCLK1": 8, "PCLK2": 11}[clock] & 7)

    def enabled(self, peripheral: str) -> bool:
        register, bit = _ENABLE[peripheral]
        return bool(self.values[register] >> bit & 1)

    def hz(self, clock: str) -> int:
        if clock != "LPUART1":
            return self._clock(clock, self.values[_CFGR])
        return (self.hz("PCLK1"), self.hz("SYSCLK"), HSI_HZ, LSE_HZ)[self.values[_CCIPR] >> _LPUART1SEL & 3]


def build(context: Context) -> list[Peripheral]:
    rcc = Rcc(context)
    clocks: Clocks = rcc
    context.clocks = clocks
    return [rcc]
