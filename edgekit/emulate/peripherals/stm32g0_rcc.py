"""Reset and clock control of the STM32G0: RCC."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Clocks, Context, Peripheral, Register, RegisterBlock
from .stm32_clocks import check_core, divided_ahb, divided_apb
from .stm32g0_flash import wait_states

BASE = 0x40021000
HSI_HZ = 16_000_000
LSE_HZ = 32_768

_CR, _CFGR, _PLLCFGR, _CCIPR = 0x00, 0x08, 0x0C, 0x54
_IOPENR, _APBENR1, _APBENR2 = 0x34, 0x3C, 0x40
_READY_BIT_OF = {8: 10, 16: 17, 22: 23, 24: 25}  # HSI16, HSE, HSI48, PLL
_HSEON, _PLLON = 1 << 16, 1 << 24
_SOURCES = {0: ("HSI16", 1 << 10), 1: ("HSE", 1 << 17), 2: ("PLL", 1 << 25)}  # by SW; LSI and LSE are not modelled
_PLLREN = 1 << 28
_PLL_ENABLES = 1 << 16 | 1 << 24 | _PLLREN  # outputs may be switched while the PLL runs

_REGISTERS = {
    _CR: Register("RCC_CR", 0x00000500, 0x014F3B00),
    0x04: Register("RCC_ICSCR", 0x00004000, 0x00007F00),
    _CFGR: Register("RCC_CFGR", 0, 0xFFFF7F07),
    _PLLCFGR: Register("RCC_PLLCFGR", 0x00001000, 0xFF3FFF73),
    0x14: Register("RCC_CRRCR", 0, 0),
    0x18: Register("RCC_CIER", 0, 0x0000003B),
    0x1C: Register("RCC_CIFR", 0, 0),
    0x20: Register("RCC_CICR", 0, 0),
    0x24: Register("RCC_IOPRSTR", 0, 0x0000003F),
    0x28: Register("RCC_AHBRSTR", 0, 0x00001103),
    0x2C: Register("RCC_APBRSTR1", 0, 0xFFFFF3B7),
    0x30: Register("RCC_APBRSTR2", 0, 0x0017D801),
    _IOPENR: Register("RCC_IOPENR", 0, 0x0000003F),
    0x38: Register("RCC_AHBENR", 0x00000100, 0x00001103),
    _APBENR1: Register("RCC_APBENR1", 0, 0xFFFFFFB7),
    _APBENR2: Register("RCC_APBENR2", 0, 0x0017D801),
    0x44: Register("RCC_IOPSMENR", 0x0000003F, 0x0000003F),
    0x48: Register("RCC_AHBSMENR", 0x00051303, 0x00001303),
    0x4C: Register("RCC_APBSMENR1", 0xFFFFFFB7, 0xFFFFFFB7),
    0x50: Register("RCC_APBSMENR2", 0x0017D801, 0x0017D801),
    _CCIPR: Register("RCC_CCIPR", 0, 0xC17CFF7F),
    0x58: Register("RCC_CCIPR2", 0, 0x0000330F),
    0x5C: Register("RCC_BDCR", 0, 0x0301833D),
    0x60: Register("RCC_CSR", 0, 0x00800001),
}

# Peripheral -> register and bit of its clock.
_ENABLE: dict[str, tuple[int, int]] = {
    **{f"GPIO{port}": (_IOPENR, bit) for bit, port in enumerate("ABCDEF")},
    "TIM2": (_APBENR1, 0),
    "USART2": (_APBENR1, 17),
    "PWR": (_APBENR1, 28),
}

_USART2SEL = 2
_VCO_INPUT = range(2_660_000, 16_000_001)
_VCO_OUTPUT = range(96_000_000, 344_000_001)


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
            source = value & 7
            if source in _SOURCES and self.values[_CR] & _SOURCES[source][1]:  # else the switch waits, and SWS stays
                value = value & ~0x38 | source << 3
            self._check_switch(value)
        return value

    def _cr(self, value: int, old: int) -> int:
        for on, ready in _READY_BIT_OF.items():
            comes_up = value >> on & 1 if on != 16 or self._context.board.mcu.crystal_hz else 0
            value = value & ~(1 << ready) | comes_up << ready
        name, ready = _SOURCES[self.values[_CFGR] >> 3 & 7]
        if not value & ready:
            raise Violation(Rule.CORE_STOPPED, f"{name}, which the core runs on, is switched off", self.base + _CR)
        if value & _PLLON and not old & _PLLON:
            self._start_pll(value)
        self.values[_CR] = value
        self._check_core(self.values[_CFGR], self.base + _CR)  # HSI16 may be divided by another factor now
        return value

    def _check_pll_change(self, changed: int) -> None:
        if changed & ~_PLL_ENABLES and self.values[_CR] & _PLLON:
            raise Violation(Rule.PLL_CHANGED, "RCC_PLLCFGR is written while the PLL is on", self.base + _PLLCFGR)
        if changed & _PLLREN and self.values[_CFGR] >> 3 & 7 == 2:
            message = "RCC_PLLCFGR.PLLREN is changed while the core runs on the PLL"
            raise Violation(Rule.PLL_OUTPUT, message, self.base + _PLLCFGR)

    def _start_pll(self, cr: int) -> None:
        pll = self.values[_PLLCFGR]
        name, ready = {2: _SOURCES[0], 3: _SOURCES[1]}.get(pll & 3, ("nothing", 0))
        if not cr & ready:
            raise Violation(Rule.PLL_SOURCE, f"the PLL is started from {name}, which does not run", self.base + _CR)
        n, r = pll >> 8 & 0xFF, pll >> 29
        if not 8 <= n <= 86 or not r:
            raise Violation(Rule.PLL_RANGE, f"PLLN {n} or PLLR {r} is out of range", self.base + _CR)
        into, out = self._vco()
        if into not in _VCO_INPUT or out not in _VCO_OUTPUT:
            message = f"the PLL's VCO is set to {into} Hz in, {out} Hz out, outside its range"
            raise Violation(Rule.PLL_RANGE, message, self.base + _CR)

    def _vco(self) -> tuple[int, int]:
        """The PLL's oscillator, (in, out) in Hz."""
        pll = self.values[_PLLCFGR]
        source = {2: HSI_HZ, 3: self._context.board.mcu.crystal_hz}.get(pll & 3, 0)
        m = (pll >> 4 & 7) + 1
        return source // m, source * (pll >> 8 & 0xFF) // m

    def _system(self, cfgr: int) -> int:
        used = cfgr >> 3 & 7
        if used == 2:
            return self._vco()[1] // ((self.values[_PLLCFGR] >> 29) + 1)
        return self._context.board.mcu.crystal_hz if used else HSI_HZ >> (self.values[_CR] >> 11 & 7)

    def _check_switch(self, cfgr: int) -> None:
        address = self.base + _CFGR
        if cfgr >> 3 & 7 == 2 and not self.values[_PLLCFGR] & _PLLREN:
            message = "the core is switched to the PLL while RCC_PLLCFGR.PLLREN is clear"
            raise Violation(Rule.PLL_OUTPUT, message, address)
        self._check_core(cfgr, address)

    def _check_core(self, cfgr: int, address: int) -> None:
        system, core = self._system(cfgr), self._clock("HCLK", cfgr)
        highest = self._context.power() if self._context.power is not None else system
        check_core(self._context, system, core, wait_states(core, highest), "voltage range allows", address)

    def _clock(self, clock: str, cfgr: int) -> int:
        system = self._system(cfgr)
        if clock == "SYSCLK":
            return system
        core = divided_ahb(system, cfgr >> 8 & 0xF)
        return core if clock == "HCLK" else divided_apb(core, cfgr >> 12 & 7)

    def enabled(self, peripheral: str) -> bool:
        register, bit = _ENABLE[peripheral]
        return bool(self.values[register] >> bit & 1)

    def hz(self, clock: str) -> int:
        if clock != "USART2":
            return self._clock(clock, self.values[_CFGR])
        return (self.hz("PCLK1"), self.hz("SYSCLK"), HSI_HZ, LSE_HZ)[self.values[_CCIPR] >> _USART2SEL & 3]


def build(context: Context) -> list[Peripheral]:
    rcc = Rcc(context)
    clocks: Clocks = rcc
    context.clocks = clocks
    return [rcc]
