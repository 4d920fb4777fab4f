"""The system control space of Armv7-M and Armv8-M: SCB, FPU, caches, MPU, NVIC, and the debug block's DEMCR."""

from __future__ import annotations

import re

from ..faults import Violation
from ..features import Features
from ..memory_map import memory_at
from ..rules import Rule
from .base import Context, Register, RegisterBlock

BASE = 0xE000E000

_CPUID, _ICSR, _VTOR, _AIRCR, _CCR = 0xD00, 0xD04, 0xD08, 0xD0C, 0xD14
_CFSR, _HFSR, _CCSIDR, _CSSELR, _CPACR = 0xD28, 0xD2C, 0xD80, 0xD84, 0xD88
_MPU_CTRL, _DEMCR = 0xD94, 0xDFC
_NVIC_ISER, _NVIC_END, _STIR = 0x100, 0x4F0, 0xF00
_VECTKEY = 0x05FA
_TABLE_ALIGN = 128
_SYSRESETREQ = 1 << 2
_UNALIGN_TRP, _DIV_0_TRP, _CACHES = 1 << 3, 1 << 4, 0x30000
_CP10_CP11 = 0xF << 20
_WRITE_ONE_TO_CLEAR = {_CFSR, _HFSR, 0xD30}

# 4 KiB each, lines of 32 bytes: 4 ways of data, 2 ways of instructions. CCSIDR by CSSELR.
_CACHE_SIZES = {0: 0xF003E019, 1: 0xF007E009}
_MAINTENANCE = {
    0xF50: "ICIALLU",
    0xF58: "ICIMVAU",
    0xF5C: "DCIMVAC",
    0xF60: "DCISW",
    0xF64: "DCCMVAU",
    0xF68: "DCCMVAC",
    0xF6C: "DCCSW",
    0xF70: "DCCIMVAC",
    0xF74: "DCCISW",
    0xF78: "BPIALL",
}


def _ccr_after_reset(core: Features) -> int:
    return 0x208 if not core.main else 0x00040200 if core.caches else 0x200


def _ccr_bits(core: Features) -> int:
    """The bits of CCR that software can change."""
    return 0 if not core.main else 0x31B | (0x400 if core.v8 else 0) | (_CACHES if core.caches else 0)


_NOT_ARMV6M = re.compile(
    r"ICTR|SHPR1|[CHA]FSR|MMFAR|BFAR|ID\d+|CPACR|STIR|NVIC_IABR\d|NVIC_I[CS][EP]R[1-9]|NVIC_IPR([89]|\d\d)"
)
"""Faults of their own kinds, coprocessors, more than 32 interrupts and which of them are active. DFSR and DEMCR are the
debug extension's."""


def _registers(context: Context) -> dict[int, Register]:
    registers = _all_registers(context)
    if context.features.main:
        return registers
    return {offset: register for offset, register in registers.items() if not _NOT_ARMV6M.fullmatch(register.name)}


def _all_registers(context: Context) -> dict[int, Register]:
    core = context.features
    registers = {
        0x004: Register("ICTR", 0x3, 0),
        0x008: Register("ACTLR"),
        _CPUID: Register("CPUID", core.cpuid, 0),
        _ICSR: Register("ICSR"),
        _VTOR: Register("VTOR"),
        _AIRCR: Register("AIRCR", 0xFA050000, 0xFFFF0707),
        0xD10: Register("SCR", 0, 0x1E if core.v8 else 0x16),
        _CCR: Register("CCR", _ccr_after_reset(core), _ccr_bits(core)),
        **{0xD18 + 4 * i: Register(f"SHPR{i + 1}") for i in range(3)},
        0xD24: Register("SHCSR"),
        _CFSR: Register("CFSR"),
        _HFSR: Register("HFSR"),
        0xD30: Register("DFSR"),
        0xD34: Register("MMFAR"),
        0xD38: Register("BFAR"),
        0xD3C: Register("AFSR"),
        **{0xD40 + 4 * i: Register(f"ID{i}", 0, 0) for i in range(14)},
        _CPACR: Register("CPACR", 0, _CP10_CP11 if core.fpu != "none" else 0),
        0xD90: Register("MPU_TYPE", 0x800, 0),
        **{o: Register(f"MPU_{n}") for o, n in ((_MPU_CTRL, "CTRL"), (0xD98, "RNR"))},
        **{0xD9C + 8 * i: Register(f"MPU_RBAR{i or ''}") for i in range(4)},
        **{0xDA0 + 8 * i: Register(f"MPU_RASR{i or ''}") for i in range(4)},
        0xDF0: Register("DHCSR", 0, 0),
        _DEMCR: Register("DEMCR"),
        _STIR: Register("STIR"),
    }
    for name, base in (("ISER", 0x100), ("ICER", 0x180), ("ISPR", 0x200), ("ICPR", 0x280), ("IABR", 0x300)):
        registers |= {base + 4 * i: Register(f"NVIC_{name}{i}") for i in range(8)}
    registers |= {0x400 + 4 * i: Register(f"NVIC_IPR{i}") for i in range(60)}
    if core.fpu != "none":
        mvfr0, mvfr1 = (0x10110221, 0x12000011) if core.fpu == "double" else (0x10110021, 0x11000011)
        registers |= {
            0xF34: Register("FPCCR", 0xC0000000),
            0xF38: Register("FPCAR"),
            0xF3C: Register("FPDSCR"),
            0xF40: Register("MVFR0", mvfr0, 0),
            0xF44: Register("MVFR1", mvfr1, 0),
            0xF48: Register("MVFR2", 0x40 if core.fpv5 else 0, 0),
        }
    if core.caches:
        registers |= {
            0xD78: Register("CLIDR", 0x09000003, 0),
            0xD7C: Register("CTR", 0x8303C003, 0),
            _CCSIDR: Register("CCSIDR", _CACHE_SIZES[0], 0),
            _CSSELR: Register("CSSELR", 0, 0xF),
            **{o: Register(n) for o, n in _MAINTENANCE.items()},
            0xF90: Register("ITCMCR", 1),
            0xF94: Register("DTCMCR", 1),
            0xF98: Register("AHBPCR"),
            0xF9C: Register("CACR"),
            0xFA0: Register("AHBSCR"),
            0xFA8: Register("ABFSR"),
        }
    return registers


class SystemControl(RegisterBlock):
    """Interrupts and exceptions are not delivered, so what would pend one stops the board; the MPU protects nothing, so
    switching it on does."""

    size = 0x1000

    def __init__(self, context: Context) -> None:
        self._context = context
        super().__init__("SCS", BASE, _registers(context))

    def boot_from(self, address: int) -> None:
        """Where the part finds its vector table after a reset."""
        self.values[_VTOR] = address

    def loaded(self, offset: int, value: int) -> int:
        if offset == _CCSIDR:
            return _CACHE_SIZES.get(self.values[_CSSELR], 0)
        return 0 if offset in _MAINTENANCE else value

    def stored(self, offset: int, value: int, old: int) -> int:
        if offset == _AIRCR:
            if value >> 16 != _VECTKEY:
                return old  # the write is ignored without the key
            if value & _SYSRESETREQ:
                self._context.reset()
            return value & 0x700 | 0xFA050000
        if offset == _CPACR:
            self._context.fpu(value & _CP10_CP11 == _CP10_CP11)
        elif offset == _CCR and (value ^ old) & (_UNALIGN_TRP | _DIV_0_TRP):
            self._context.traps(bool(value & _UNALIGN_TRP), bool(value & _DIV_0_TRP))
        elif offset == _VTOR:
            self._check_table(value)
        elif offset == _MPU_CTRL and value & 1:
            raise Violation(Rule.MPU, "the MPU is switched on, and protects nothing here", BASE + offset)
        elif offset in _WRITE_ONE_TO_CLEAR:
            return old & ~value
        elif value and (0x200 <= offset < 0x280 or offset == _STIR or (offset == _ICSR and value & 0x94000000)):
            raise Violation(Rule.INTERRUPT, "an interrupt is made pending, which is not modelled", BASE + offset)
        return value

    def _check_table(self, table: int) -> None:
        if table % _TABLE_ALIGN:
            message = f"VTOR is set to 0x{table:08x}, no multiple of {_TABLE_ALIGN}"
            raise Violation(Rule.VTOR_ALIGNMENT, message, BASE + _VTOR)
        if memory_at(self._context.board, table) is None:
            message = f"VTOR is set to 0x{table:08x}, where {self._context.board.name} has no memory"
            raise Violation(Rule.VTOR_NOWHERE, message, BASE + _VTOR)
