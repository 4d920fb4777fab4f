"""Just enough of the Thumb instruction set to tell how far a function moves the stack pointer and what it calls.

Encodings are those of the Armv7-M and Armv8-M Architecture Reference Manuals' instruction descriptions, named by
mnemonic. Armv8.1-M's loops (WLS, DLS, LE and their tail-predicated kin) stay inside their function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SP, LR, PC = 13, 14, 15
_FRAME_POINTERS = (7, 11)


@dataclass(frozen=True, slots=True)
class Code:
    """What one function does to the stack and to whom.

    frame     bytes by which it lowers the stack pointer, all its paths together
    targets   addresses outside itself that it branches to or calls, and its own start where it calls itself;
              subroutines inside an assembly function belong to it
    indirect  it calls or jumps through a register
    dynamic   it moves the stack pointer by an amount that is not a constant
    """

    frame: int
    targets: frozenset[int]
    indirect: bool
    dynamic: bool


def scan(start: int, size: int, code: Iterable[tuple[int, bytes]], pool: Iterable[tuple[int, bytes]] = ()) -> Code:
    """Read a function's instructions.

    start, size  the function
    code         (address, bytes) of its runs of instructions, without literal pools
    pool         likewise, its literals
    """
    literals = {at + i: data[i : i + 4] for at, data in pool for i in range(0, len(data) - 3, 2)}
    frame = 0
    targets: set[int] = set()
    indirect = dynamic = False
    constants: dict[int, int] = {}
    copies: dict[int, int] = {}
    for address, data in code:
        at = 0
        while at + 2 <= len(data):
            first = int.from_bytes(data[at : at + 2], "little")
            wide = first >> 11 in (0b11101, 0b11110, 0b11111) and at + 4 <= len(data)
            second = int.from_bytes(data[at + 2 : at + 4], "little") if wide else 0
            here = address + at
            at += 4 if wide else 2
            target = _branch(here, first, second) if wide else _short_branch(here, first)
            itself = target == start and wide and second & 0xD000 == 0xD000  # BL, not a loop's B
            if target is not None and (itself or not start <= target < start + size):
                targets.add(target)
            indirect |= _indirect(first, second, wide)
            if wide:
                _constant(first, second, constants)
                lowered = _wide_push(first, second, constants)
                _follow_wide(first, second, copies)
            else:
                lowered = _short_push(first, copies, constants)
                _follow_short(first, copies)
                _literal(here, first, literals, constants)
            if lowered is None:
                dynamic = True
            else:
                frame += lowered
    return Code(frame, frozenset(targets), indirect, dynamic)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _short_branch(here: int, hw: int) -> int | None:
    if hw >> 12 == 0b1101 and (hw >> 8 & 0xF) < 14:  # B<c>
        return here + 4 + 2 * _signed(hw & 0xFF, 8)
    if hw >> 11 == 0b11100:  # B
        return here + 4 + 2 * _signed(hw & 0x7FF, 11)
    return None


def _branch(here: int, first: int, second: int) -> int | None:
    if first >> 11 != 0b11110 or not second & 0x8000:
        return None
    s, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    if second & 0x1000:  # BL, B.W
        i1, i2 = 1 ^ j1 ^ s, 1 ^ j2 ^ s
        offset = s << 23 | i1 << 22 | i2 << 21 | (first & 0x3FF) << 11 | second & 0x7FF
        return here + 4 + 2 * _signed(offset, 24)
    if second & 0x4000 or (first >> 6 & 0xF) >= 14:  # not a branch
        return None
    offset = s << 19 | j2 << 18 | j1 << 17 | (first & 0x3F) << 11 | second & 0x7FF  # B<c>.W
    return here + 4 + 2 * _signed(offset, 20)


def _indirect(first: int, second: int, wide: bool) -> bool:
    if not wide:
        if first & 0xFF83 == 0x4780:  # BLX, BLXNS
            return True
        if first & 0xFF83 == 0x4700:  # BX, BXNS
            return first >> 3 & 0xF != LR
        return first & 0xFF87 == 0x4687  # MOV PC
    if first & 0xFF70 == 0xF850 and second >> 12 == PC:  # LDR PC
        return first & 0xF != SP
    return False


def _short_push(hw: int, copies: dict[int, int], constants: dict[int, int]) -> int | None:
    if hw & 0xFE00 == 0xB400:  # PUSH
        return 4 * (hw & 0x1FF).bit_count()
    if hw & 0xFF80 == 0xB080:  # SUB SP, SP, #imm
        return 4 * (hw & 0x7F)
    if hw & 0xFF87 == 0x4685 and hw >> 3 & 0xF not in _FRAME_POINTERS:  # MOV SP, Rm
        return copies.get(hw >> 3 & 0xF)
    if hw & 0xFF87 == 0x4485:  # ADD SP, Rm: Armv6-M lowers it by a negative number, and raises it by a positive one
        added = constants.get(hw >> 3 & 0xF)
        return None if added is None else max(-_signed(added, 32), 0)
    return 0


def _wide_push(first: int, second: int, constants: dict[int, int]) -> int | None:
    if first == 0xE92D:  # PUSH.W
        return 4 * second.bit_count()
    if first == 0xF84D and second & 0x0F00 == 0x0D00:  # STR [SP, #-imm]!
        return second & 0xFF
    if first == 0xE96D:  # STRD [SP, #-imm]!
        return 4 * (second & 0xFF)
    if first & 0xFFBF == 0xED2D and second & 0x0E00 == 0x0A00:  # VPUSH
        return 4 * (second & 0xFF)
    if first & 0xFFBF == 0xED2D and second & 0x0E00 == 0x0E00:  # VSTR [SP, #-imm]! of a vector or a system register
        return (second & 0x7F) << min(second >> 7 & 3, 2)
    if first & 0xFBEF == 0xF1AD and second & 0x8F00 == 0x0D00:  # SUB.W SP, SP, #const
        return expand(_imm12(first, second))
    if first & 0xFBFF == 0xF2AD and second & 0x8F00 == 0x0D00:  # SUBW SP, SP, #imm12
        return _imm12(first, second)
    if first & 0xFFEF == 0xEBAD and second & 0x0F00 == 0x0D00:  # SUB.W SP, SP, Rm
        return constants.get(second & 0xF) if second & 0x70F0 == 0 else None
    return 0


def _imm12(first: int, second: int) -> int:
    return (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def expand(imm12: int) -> int:
    """A modified immediate constant's value (ThumbExpandImm)."""
    byte = imm12 & 0xFF
    if imm12 >> 10 == 0:
        return (byte, byte * 0x00010001, byte * 0x01000100, byte * 0x01010101)[imm12 >> 8 & 3]
    rotation = imm12 >> 7
    value = 0x80 | imm12 & 0x7F
    return (value >> rotation | value << (32 - rotation)) & 0xFFFFFFFF


def _constant(first: int, second: int, constants: dict[int, int]) -> None:
    """Follow constants that are built in registers: large frames are subtracted through one."""
    register = second >> 8 & 0xF
    imm16 = (first & 0xF) << 12 | _imm12(first, second)
    if first & 0xFBF0 == 0xF240 and not second & 0x8000:  # MOVW
        constants[register] = imm16
    elif first & 0xFBF0 == 0xF2C0 and not second & 0x8000:  # MOVT
        constants[register] = constants.get(register, 0) & 0xFFFF | imm16 << 16
    elif first & 0xFBEF == 0xF04F and not second & 0x8000:  # MOV.W #const
        constants[register] = expand(_imm12(first, second))


def _literal(here: int, hw: int, literals: dict[int, bytes], constants: dict[int, int]) -> None:
    """Follow constants into low registers, from which Armv6-M takes large frames, until something else is written."""
    if hw >> 11 == 0b01001:  # LDR Rd, [PC, #imm]
        word = literals.get((here + 4 & ~3) + 4 * (hw & 0xFF))
        _hold(constants, hw >> 8 & 7, None if word is None else int.from_bytes(word, "little"))
    elif hw >> 11 == 0b00100:  # MOVS Rd, #imm
        _hold(constants, hw >> 8 & 7, hw & 0xFF)
    elif hw >> 11 == 0:  # LSLS Rd, Rm, #imm
        known = constants.get(hw >> 3 & 7)
        _hold(constants, hw & 7, None if known is None else known << (hw >> 6 & 31) & 0xFFFFFFFF)
    elif hw & 0xFFC0 == 0x4240:  # RSBS Rd, Rn, #0
        known = constants.get(hw >> 3 & 7)
        _hold(constants, hw & 7, None if known is None else -known & 0xFFFFFFFF)
    elif hw & 0xFF87 != 0x4485 and hw >> 11 in _SHORT_TARGETS:
        _hold(constants, hw >> 8 & 7 if hw >> 11 in (0b00110, 0b00111) else hw & 7, None)


def _hold(constants: dict[int, int], register: int, value: int | None) -> None:
    constants.pop(register, None)
    if value is not None:
        constants[register] = value


_SHORT_TARGETS = (*range(8), 0b01000, 0b01101, 0b01110, 0b01111)
"""The highest five bits of 16-bit instructions that write a low register: shifts, sums, MOV, logic and loads."""


def _follow_short(hw: int, copies: dict[int, int]) -> None:
    """Follow copies of the stack pointer: register -> how far below it the copy can be at most."""
    if hw & 0xFF78 == 0x4668:  # MOV Rd, SP
        copies[hw >> 4 & 8 | hw & 7] = 0
    else:  # fields that hold the destination in one encoding or another
        for register in (hw & 7, hw >> 8 & 7, hw >> 4 & 8 | hw & 7):
            copies.pop(register, None)


def _follow_wide(first: int, second: int, copies: dict[int, int]) -> None:
    """As _follow_short. Clearing a copy's low bits and making it the stack pointer aligns a frame."""
    source, target = first & 0xF, second >> 8 & 0xF
    known = 0 if source == SP else copies.get(source)
    below: int | None = None
    if first & 0xFBE0 == 0xF1A0 and not second & 0x8000:  # SUB.W Rd, Rn, #const
        below = expand(_imm12(first, second))
    elif first & 0xFBE0 == 0xF020 and not second & 0x8000:  # BIC Rd, Rn, #const
        mask = expand(_imm12(first, second))
        below = mask if mask & mask + 1 == 0 else None
    elif first == 0xF36F and second & 0x70C0 == 0:  # BFC Rd, #0, #width
        known, below = copies.get(target), (1 << (second & 0x1F) + 1) - 1
    for register in (source, target, second >> 12):
        copies.pop(register, None)
    if known is not None and below is not None:
        copies[target] = known + below
