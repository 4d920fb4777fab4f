"""Which instructions a core has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError
from .classes import MAC, MUL, SIMD
from .rules import Rule

_V6M_32BIT = {"bl", "dmb", "dsb", "isb", "mrs", "msr", "udf"}
_V6M_LACKS = {"cbz", "cbnz", "it"}
_V7M_REGISTER = re.compile(r"basepri|faultmask")
_V7M_MULTIPLIES = {"mul", "mla", "mls", "smull", "umull", "smlal", "umlal"}
_V7M = re.compile(
    r"adc|add|addw|adr|and|asr|b|bfc|bfi|bic|bkpt|bl|blx|bx|cbnz|cbz|clrex|clz|cmn|cmp|cps|csdb|dbg|dmb|dsb|eor|"
    r"hint|isb|it|ldm|ldmdb|ldr|ldrb|ldrbt|ldrd|ldrex|ldrexb|ldrexh|ldrh|ldrht|ldrsb|ldrsbt|ldrsh|ldrsht|ldrt|"
    r"lsl|lsr|mla|mls|mov|movs|movt|movw|mrs|msr|mul|mvn|neg|nop|orn|orr|pld|pli|pop|push|rbit|rev|rev16|revsh|"
    r"ror|rrx|rsb|sbc|sbfx|sdiv|sev|smlal|smull|ssat|stm|stmdb|str|strb|strbt|strd|strex|strexb|strexh|strh|"
    r"strht|strt|sub|subs|subw|svc|sxtb|sxth|tbb|tbh|teq|trap|tst|ubfx|udf|udiv|umlal|umull|usat|uxtb|uxth|wfe|"
    r"wfi|yield"
)
_COPROCESSOR = re.compile(r"cdp2?|mcrr?2?|mrrc?2?|(?:ldc|stc)2?l?")
_V8M = re.compile(r"(?:lda|stl)(?:ex)?[bh]?|sg|tta?t?|bl?xns|vl(?:ldm|stm)")
_FPV5 = re.compile(r"vrint.|vsel..|v(?:max|min)nm|vcvt[amnp]")
_FPV4 = re.compile(
    r"vldr|vstr|v(?:ldm|stm)(?:ia|db)|vpush|vpop|vmrs|vmsr|vmov|vadd|vsub|vn?mul|vn?ml[as]|vfn?m[as]|vdiv|vsqrt|vabs|vneg"
    r"|vcmpe?|vcvt[brt]?"
)


@dataclass(frozen=True, slots=True)
class Features:
    """What distinguishes the Cortex-M cores for a program.

    model    Unicorn's name of the core
    main     the 32-bit Thumb-2 set (Armv7-M, Armv8-M Mainline)
    dsp      16-bit SIMD and saturating arithmetic
    v8       Armv8-M additions
    fpu      the precision of the floating-point unit, from the board's file
    fpv5     the floating-point unit is version 5 (rounding, selection, minimum and maximum)
    cpuid    SCB CPUID
    caches   level 1 caches and their maintenance registers
    """

    core: str
    model: str
    main: bool
    dsp: bool
    v8: bool
    fpv5: bool
    caches: bool
    cpuid: int
    fpu: str = "none"


_CORES = {
    "cortex-m0": Features("cortex-m0", "CORTEX_M0", False, False, False, False, False, 0x410CC200),
    "cortex-m0plus": Features("cortex-m0plus", "CORTEX_M0", False, False, False, False, False, 0x410CC601),
    "cortex-m3": Features("cortex-m3", "CORTEX_M3", True, False, False, False, False, 0x412FC231),
    "cortex-m4": Features("cortex-m4", "CORTEX_M4", True, True, False, False, False, 0x410FC241),
    "cortex-m7": Features("cortex-m7", "CORTEX_M7", True, True, False, True, True, 0x410FC271),
    "cortex-m33": Features("cortex-m33", "CORTEX_M33", True, True, True, True, False, 0x410FD213),
}


def features_of(core: str, fpu: str) -> Features:
    """The features of a board's core. ConfigError where the emulator has no such core."""
    known = _CORES.get(core.replace("+", "plus"))
    if known is None:
        raise ConfigError(
            "emulator.core", f"no emulated core is called {core!r}", f"cores that can be emulated: {', '.join(_CORES)}"
        )
    return Features(
        known.core, known.model, known.main, known.dsp, known.v8, known.fpv5, known.caches, known.cpuid, fpu
    )


def lacks(features: Features, name: str, mnemonic: str, size: int, text: str) -> tuple[Rule, str] | None:
    """What an instruction needs and the core does not have; None where it has everything.

    name      the mnemonic without condition, type and width; mnemonic the whole of it, as "vadd.f64"
    size      bytes
    text      the whole instruction, for its operands
    """
    if name.startswith("v") and not _V8M.fullmatch(name):
        return _fpu_lacks(features, name, mnemonic, text)
    if not features.main and (
        name in _V6M_LACKS or (size == 4 and name not in _V6M_32BIT) or _V7M_REGISTER.search(text)
    ):
        return Rule.LACKS_ARMV7M, "the Armv7-M instruction set"
    if _V8M.fullmatch(name):
        return None if features.v8 else (Rule.LACKS_ARMV8M, "the Armv8-M instruction set")
    if _COPROCESSOR.fullmatch(name):
        return Rule.LACKS_COPROCESSOR, "a coprocessor"
    multiplies = MUL.fullmatch(name) or MAC.fullmatch(name)
    if SIMD.fullmatch(name) or (multiplies and name not in _V7M_MULTIPLIES):
        return None if features.dsp else (Rule.LACKS_DSP, "the DSP extension")
    if not multiplies and not _V7M.fullmatch(name):
        return Rule.LACKS_PROFILE, "another profile of the architecture"
    return None


def _fpu_lacks(features: Features, name: str, mnemonic: str, text: str) -> tuple[Rule, str] | None:
    if features.fpu == "none":
        return Rule.LACKS_FPU, "a floating-point unit"
    if not (_FPV4.fullmatch(name) or _FPV5.fullmatch(name)) or " q" in text.replace(",", " "):
        return Rule.LACKS_VECTORS, "vector instructions"
    if features.fpu == "single" and ".f64" in mnemonic:
        return Rule.LACKS_DOUBLE, "double precision"
    if not features.fpv5 and _FPV5.fullmatch(name):
        return Rule.LACKS_FPV5, "a version 5 floating-point unit"
    return None
