"""What the code in an image is, instruction by instruction, and whether the core has all of it.

Unicorn executes more than the modelled core would: DSP instructions on a Cortex-M3, double precision on a single
precision unit, LDRD at odd addresses. So every instruction is looked at before anything runs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .classes import Counts, classify
from .faults import FaultReport
from .features import Features, lacks
from .image import Code, Image
from .rules import Rule

_LARGE_FRAME = 64  # bytes: a frame this large may jump over the guard below the stack
_LOADS_MULTIPLE = {"ldm", "ldmdb", "pop", "vldmia", "vldmdb", "vpop"}
_STORES_MULTIPLE = {"stm", "stmdb", "push", "vstmia", "vstmdb", "vpush"}
_WORD_ALIGNED = _LOADS_MULTIPLE | _STORES_MULTIPLE | {"ldrd", "strd", "ldrex", "strex", "vldr", "vstr", "lda", "stl"}
_WORD_ALIGNED |= {"ldaex", "stlex"}
_HALFWORD_ALIGNED = {"ldrexh", "strexh", "ldah", "stlh", "ldaexh", "stlexh"}


@dataclass(frozen=True, slots=True)
class Aligned:
    """An instruction that faults where base + offset is not a multiple of `align`, whatever CCR says."""

    base: int
    offset: int
    align: int
    rule: Rule


@dataclass(frozen=True)
class Listing:
    """The image's instructions, in order of address.

    addresses, sizes  bytes
    texts             assembly, as people read it
    counts            what each costs (see classes.py)
    conditional       direct branches that may fall through
    fpu               addresses of instructions that need the floating-point unit enabled
    aligned           address -> what must be aligned there, but for what the stack pointer's own alignment guarantees
    divisions         address of a division -> the register that it divides by
    frames            addresses of instructions that follow a large decrease of the stack pointer
    faults            what the core lacks
    """

    addresses: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    conditional: set[int] = field(default_factory=set)
    fpu: list[int] = field(default_factory=list)
    aligned: dict[int, Aligned] = field(default_factory=dict)
    divisions: dict[int, int] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)
    faults: list[FaultReport] = field(default_factory=list)

    def text(self, address: int) -> str:
        at = bisect_left(self.addresses, address)
        return self.texts[at] if at < len(self.addresses) and self.addresses[at] == address else ""

    def before(self, end: int) -> int:
        """The address of the last instruction that begins before `end`."""
        at = bisect_left(self.addresses, end)
        return self.addresses[at - 1] if at else 0

    def count(self, start: int, end: int) -> int:
        """How many instructions begin in [start, end)."""
        return bisect_left(self.addresses, end) - bisect_left(self.addresses, start)

    def span(self, start: int, end: int) -> range:
        """Indices of the instructions that begin in [start, end)."""
        return range(bisect_left(self.addresses, start), bisect_left(self.addresses, end))


def disassemble(image: Image, features: Features) -> Listing:
    """Look at every instruction of an image, for a core with these features."""
    listing = Listing()
    engine = _engine(features)
    for run in sorted(image.code, key=lambda c: c.address):
        for instruction in _decode(engine, run, image, listing):
            _add(listing, image, features, instruction)
    return listing


def _engine(features: Features) -> Any:
    import capstone

    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | (capstone.CS_MODE_V8 if features.v8 else 0)
    engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    engine.detail = True
    return engine


def _decode(engine: Any, run: Code, image: Image, listing: Listing) -> Iterator[Any]:
    """Capstone's instructions of a run; what it cannot decode becomes a fault, and decoding goes on behind it."""
    at = run.address
    while at < run.end:
        last = at
        for instruction in engine.disasm(run.data[at - run.address :], at):
            last = instruction.address + instruction.size
            yield instruction
        if last >= run.end:
            return
        halfword = int.from_bytes(run.data[last - run.address :][:2], "little")
        size = 4 if halfword >> 11 in (0b11101, 0b11110, 0b11111) else 2
        _append(listing, last, size, f".inst 0x{halfword:04x}", (("alu", 1),))
        listing.faults.append(
            FaultReport(
                Rule.NO_INSTRUCTION,
                "an encoding that is no instruction of this core",
                last,
                image.locate(last),
                f".inst 0x{halfword:04x}",
            )
        )
        at = last + size


def _append(listing: Listing, address: int, size: int, text: str, counts: Counts) -> None:
    listing.addresses.append(address)
    listing.sizes.append(size)
    listing.texts.append(text)
    listing.counts.append(counts)


def _add(listing: Listing, image: Image, features: Features, instruction: Any) -> None:
    from capstone import arm as cs

    address, mnemonic = instruction.address, instruction.mnemonic
    name = instruction.insn_name()
    if name == "hint" or (mnemonic.startswith("v") and not name.startswith("v")):
        name = mnemonic.split(".")[0]  # capstone calls some by older names, as "fconsts"
    text = f"{mnemonic} {instruction.op_str}".strip()
    registers = 0
    if name in _LOADS_MULTIPLE or name in _STORES_MULTIPLE:
        has_base = name not in ("push", "pop", "vpush", "vpop")
        registers = len(instruction.operands) - has_base
    counts = classify(name, registers, _writes_pc(name, instruction, cs))
    _append(listing, address, instruction.size, text, counts)
    if name in ("cbz", "cbnz") or (name == "b" and instruction.cc not in (cs.ARM_CC_AL, cs.ARM_CC_INVALID)):
        listing.conditional.add(address)
    missing = lacks(features, name, mnemonic, instruction.size, text)
    if missing is not None:
        rule, needed = missing
        listing.faults.append(
            FaultReport(
                rule,
                f"{mnemonic} needs {needed}, which a {features.core} with fpu {features.fpu!r} does not have",
                address,
                image.locate(address),
                text,
            )
        )
    if name.startswith("v"):
        listing.fpu.append(address)
    _note_alignment(listing, name, instruction, cs)
    if name in ("sdiv", "udiv"):
        listing.divisions[address] = instruction.operands[-1].reg
    if name in ("sub", "subw") and _large_frame(instruction, cs):
        listing.frames.append(address + instruction.size)


def _writes_pc(name: str, instruction: Any, cs: Any) -> bool:
    if name in ("pop", "ldm", "ldmdb"):
        return any(o.type == cs.ARM_OP_REG and o.reg == cs.ARM_REG_PC for o in instruction.operands)
    first = instruction.operands[0] if instruction.operands else None
    loads = name in ("ldr", "mov", "add")
    return bool(loads and first is not None and first.type == cs.ARM_OP_REG and first.reg == cs.ARM_REG_PC)


def _note_alignment(listing: Listing, name: str, instruction: Any, cs: Any) -> None:
    align = 4 if name in _WORD_ALIGNED else 2 if name in _HALFWORD_ALIGNED else 0
    if not align or name in ("push", "pop", "vpush", "vpop"):
        return
    if name in _LOADS_MULTIPLE or name in _STORES_MULTIPLE:
        base, offset = instruction.operands[0].reg, 0
    else:
        memory = next(o.mem for o in instruction.operands if o.type == cs.ARM_OP_MEM)
        base, offset = memory.base, 0 if instruction.post_index else memory.disp
    if base in (cs.ARM_REG_SP, cs.ARM_REG_PC) and offset % align == 0:
        return  # both are word aligned by construction
    listing.aligned[instruction.address] = Aligned(base, offset, align, _alignment_rule(name))


def _alignment_rule(name: str) -> Rule:
    ordered = name.startswith(("ldrex", "strex", "lda", "stl"))
    return Rule.UNALIGNED_EXCLUSIVE if ordered else Rule.UNALIGNED_MULTIPLE


def _large_frame(instruction: Any, cs: Any) -> bool:
    operands = instruction.operands
    if not operands or operands[0].type != cs.ARM_OP_REG or operands[0].reg != cs.ARM_REG_SP:
        return False
    last = operands[-1]
    return bool(last.type != cs.ARM_OP_IMM or last.imm >= _LARGE_FRAME)
