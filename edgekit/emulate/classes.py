"""Instruction classes, in which cost tables (profiles/cpu/<core>.toml) are written.

A class names what the core's pipeline distinguishes. An instruction costs the sum over its (class, count) pairs, so a
load of four registers costs one `load_multiple` and four `load_multiple_register`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError

CLASSES: dict[str, str] = {
    "alu": "add, subtract, logic, compare, move, shift, bit field, extend, saturate, IT, NOP",
    "mul": "multiplication without accumulation, 32 or 64-bit result",
    "mac": "multiplication with accumulation, 32 or 64-bit result, dual 16-bit ones included",
    "simd": "8 and 16-bit lanes without multiplication, saturating arithmetic",
    "div": "integer division",
    "load": "load of a byte, halfword or word",
    "store": "store of a byte, halfword or word",
    "load_double": "load of two registers (LDRD)",
    "store_double": "store of two registers (STRD)",
    "load_multiple": "LDM or POP, without its registers",
    "load_multiple_register": "each register of an LDM, POP, VLDM or VPOP",
    "store_multiple": "STM or PUSH, without its registers",
    "store_multiple_register": "each register of an STM, PUSH, VSTM or VPUSH",
    "exclusive": "exclusive load or store",
    "branch_taken": "direct branch or call that is taken",
    "branch_not_taken": "conditional branch that falls through",
    "branch_indirect": "branch to a register, a loaded address or a table entry; on top of the load",
    "fpu_alu": "floating-point add, subtract, compare, convert, move, absolute value, negation",
    "fpu_mul": "floating-point multiplication",
    "fpu_mac": "floating-point multiplication with accumulation",
    "fpu_div": "floating-point division",
    "fpu_sqrt": "floating-point square root",
    "fpu_load": "load of one floating-point register",
    "fpu_store": "store of one floating-point register",
    "barrier": "DMB, DSB, ISB",
    "system": "special registers, CPS, hints that wait",
}
"""Every class and what it holds."""

EVERYWHERE = ("alu", "load", "store", "branch_taken", "branch_not_taken", "branch_indirect")
"""Classes that no core can be without."""

Counts = tuple[tuple[str, int], ...]

Cycles = Mapping[str, float | None]
"""Instruction class -> cycles; None for a class of which the core has no instruction."""

MUL = re.compile(r"mul|[su]mull|smul[bt][bt]|smulw[bt]|smmulr?|smu[as]dx?")
MAC = re.compile(r"ml[as]|[su]mlal|umaal|smlal?[bt][bt]|smlaw[bt]|sml[as]l?dx?|smml[as]r?")
SIMD = re.compile(
    r"(?:[su]h?|u?q)(?:(?:add|sub)(?:8|16)|asx|sax)|qd?(?:add|sub)|[su]xtb16|[su]xta(?:b|b16|h)|pkh(?:bt|tb)|sel"
    r"|[su]sat16|usada?8"
)
_SYSTEM = {"mrs", "msr", "cps", "wfi", "wfe", "sev", "svc", "bkpt", "udf", "yield", "dbg"}
_FPU_MAC = ("vmla", "vmls", "vfma", "vfms", "vnmla", "vnmls", "vfnma", "vfnms")


def classify(name: str, operands: int, loads_pc: bool) -> Counts:
    """The classes of an instruction.

    name      the mnemonic without condition and width, in lower case ("ldr", "vadd")
    operands  how many registers an LDM, STM, PUSH, POP, VLDM or VSTM transfers; ignored for others
    loads_pc  whether the instruction writes the program counter through a load or a register

    A conditional branch is `branch_taken` here; whether it falls through is known only when it runs.
    """
    if name in ("b", "bl", "cbz", "cbnz"):
        return (("branch_taken", 1),)
    if name in ("bx", "blx"):
        return (("branch_indirect", 1),)
    if name in ("tbb", "tbh"):
        return (("load", 1), ("branch_indirect", 1))
    counts = _transfer(name, operands) or ((_class(name), 1),)
    return (*counts, ("branch_indirect", 1)) if loads_pc else counts


def _transfer(name: str, registers: int) -> Counts | None:
    """Loads and stores; None for the rest."""
    if name in ("ldm", "ldmdb", "ldmda", "ldmib", "pop", "vldmia", "vldmdb", "vpop"):
        return (("load_multiple", 1), ("load_multiple_register", registers))
    if name in ("stm", "stmdb", "stmda", "stmib", "push", "vstmia", "vstmdb", "vpush"):
        return (("store_multiple", 1), ("store_multiple_register", registers))
    if name == "vldr":
        return (("fpu_load", 1),)
    if name == "vstr":
        return (("fpu_store", 1),)
    if name.startswith(("ldrex", "strex", "ldaex", "stlex", "clrex")):
        return (("exclusive", 1),)
    if name in ("ldrd", "strd"):
        return (("load_double" if name == "ldrd" else "store_double", 1),)
    if name.startswith(("ldr", "lda", "pld", "pli")):
        return (("load", 1),)
    if name.startswith(("str", "stl")):
        return (("store", 1),)
    return None


def _class(name: str) -> str:
    if name.startswith("v"):
        return _fpu_class(name)
    if MUL.fullmatch(name):
        return "mul"
    if MAC.fullmatch(name):
        return "mac"
    if name in ("sdiv", "udiv"):
        return "div"
    if SIMD.fullmatch(name):
        return "simd"
    if name in ("dmb", "dsb", "isb"):
        return "barrier"
    return "system" if name in _SYSTEM else "alu"


def _fpu_class(name: str) -> str:
    if name.startswith(_FPU_MAC):
        return "fpu_mac"
    if name.startswith(("vmul", "vnmul")):
        return "fpu_mul"
    if name.startswith("vdiv"):
        return "fpu_div"
    if name.startswith("vsqrt"):
        return "fpu_sqrt"
    return "fpu_alu"


def cost(counts: Counts, cycles: Cycles) -> float:
    """Estimated cycles of one instruction. ConfigError where the table says that the core has none of its class."""
    return sum(_each(name, cycles) * n for name, n in counts)


def _each(name: str, cycles: Cycles) -> float:
    each = cycles[name]
    if each is None:
        message = f"the code has a {name} instruction ({CLASSES[name]}), but the core's cycle table says it has none"
        raise ConfigError("emulator.cycles", message, "see [none] in profiles/cpu/")
    return each


def check_table(cycles: Mapping[str, Any]) -> None:
    """ConfigError where a cost table lacks a class, has one that does not exist, or says None for one that every core
    has: an estimate never fills a gap."""
    missing = [name for name in CLASSES if name not in cycles]
    unknown = [name for name in cycles if name not in CLASSES]
    empty = [name for name in EVERYWHERE if name in cycles and cycles[name] is None]
    if missing or unknown or empty:
        said = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        said += [f"says that a core has no {', '.join(empty)}"] * bool(empty)
        raise ConfigError("emulator.cycles", f"the core's cycle table {' and '.join(said)}", "see profiles/cpu/")
