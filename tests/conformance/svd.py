"""CMSIS-SVD files, and the comparison of what ports and peripheral models claim about registers with them.

    EDGEKIT_SVD_ROOT=<cmsis-svd-data> python -m conformance.svd      (in tests/) prints the whole comparison

A claim is one fact that a port's header or a peripheral model relies on (svd_claims.py makes them). Where the file is
itself wrong, or the model departs from it on purpose, the chip's table (svd_chips.py) says so: name, our value, the
file's value and why. An entry that no longer applies is a failure like any other.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.svd_file import Device, Register, sum_of_masks

VARIABLE = "EDGEKIT_SVD_ROOT"
CORE_SPACE = 0xE0000000
"""From here on registers belong to the core; the files of parts with the same core are asked before the vendor's."""


@dataclass(frozen=True, slots=True)
class RegisterClaim:
    """A register that is used: its name with the peripheral's before it, and what is said of it.

    writable  the bits that software can change; None where nothing is said
    """

    where: str
    name: str
    address: int
    reset: int | None = None
    writable: int | None = None


@dataclass(frozen=True, slots=True)
class FieldClaim:
    """Bits of a register.

    fields  the fields that the bits are, all of them together
    """

    where: str
    name: str
    address: int
    fields: tuple[str, ...]
    mask: int


@dataclass(frozen=True, slots=True)
class NamedClaim:
    """What a header defines under a register's name and a suffix: FIELD (its mask), FIELD_Pos (its lowest bit),
    FIELD_VALUE (a value in it), or VALUE for one of the equal fields that the register is made of."""

    where: str
    name: str
    address: int
    suffix: str
    value: int


@dataclass(frozen=True, slots=True)
class ConstantClaim:
    """A constant of a model, named as a field of one of the registers: it must be that field's mask."""

    where: str
    name: str
    addresses: tuple[int, ...]
    mask: int


@dataclass(frozen=True, slots=True)
class BaseClaim:
    """Where a peripheral lies."""

    where: str
    name: str
    address: int


Claim = RegisterClaim | FieldClaim | NamedClaim | ConstantClaim | BaseClaim


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs: "RCC_CR reset", our value, the file's."""

    what: str
    ours: str
    theirs: str
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.what}: ours {self.ours}, theirs {self.theirs} ({self.where})"


@dataclass(slots=True)
class Report:
    """counts  "registers", "bases", "resets", "writable", "fields" that were compared
    explained  differences that the chip's table explains, with the reason
    absent   registers that no file describes
    """

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    explained: list[tuple[Difference, str]] = field(default_factory=list)
    absent: dict[str, None] = field(default_factory=dict)

    def check(self, what: str, ours: object, theirs: object, where: str, agree: bool | None = None) -> None:
        if not (ours == theirs if agree is None else agree):
            self.differences.append(Difference(what, _text(ours), _text(theirs), where))

    def lines(self) -> list[str]:
        compared = ", ".join(f"{self.counts[k]} {k}" for k in ("registers", "bases", "resets", "writable", "fields"))
        lines = [f"compared: {compared}; {len(self.differences)} differ, {len(self.explained)} explained"]
        lines += [f"  DIFFERS {d}" for d in self.differences]
        lines += [f"  explained {d}: {reason}" for d, reason in self.explained]
        lines += [f"  absent  {name}" for name in self.absent]
        return lines


def _text(value: object) -> str:
    return f"0x{value:x}" if isinstance(value, int) else str(value)


def compare(
    claims: Sequence[Claim],
    vendor: Device,
    core: Sequence[Device],
    aliases: Mapping[str, str],
    explained: Mapping[Difference, str],
) -> Report:
    """Compare every claim with the first file that describes its register.

    aliases  the files' names -> ours, of registers and fields that are called differently
    explained  differences that are no errors of ours -> why
    """
    report = Report()
    for claim in claims:
        if isinstance(claim, BaseClaim):
            theirs = vendor.bases.get(claim.name)
            report.counts["bases"] += 1
            report.check(f"{claim.name} base", claim.address, "nowhere" if theirs is None else theirs, claim.where)
        elif isinstance(claim, ConstantClaim):
            found = [_find(claim.name, a, vendor, core, aliases) for a in claim.addresses]
            _compare_constant(claim, [r for r in found if r is not None], report)
        else:
            register = _find(claim.name, claim.address, vendor, core, aliases)
            if register is None:
                report.absent.setdefault(claim.name)
            elif isinstance(claim, RegisterClaim):
                _compare_register(claim, register, report)
            elif isinstance(claim, FieldClaim):
                _compare_field(claim, register, report)
            else:
                _compare_named(claim, register, report)
    unique = dict.fromkeys(report.differences)
    report.explained = [(d, explained[d]) for d in unique if d in explained]
    report.differences = [d for d in unique if d not in explained]
    stale = set(explained) - {d for d, _ in report.explained}
    report.differences += [replace(d, where="explained in the table, but does not differ") for d in stale]
    return report


def _find(
    name: str, address: int, vendor: Device, core: Sequence[Device], aliases: Mapping[str, str]
) -> Register | None:
    files = (*core, vendor) if address >= CORE_SPACE else (vendor,)
    for device in files:
        here = [_renamed(r, aliases) for r in device.registers.get(address, ())]
        if here:
            named = [r for r in here if _same_name(name, r)]
            return (named or here)[0]
    return None


def _renamed(register: Register, aliases: Mapping[str, str]) -> Register:
    fields = tuple(replace(f, name=aliases.get(f"{register.name}.{f.name}", f.name)) for f in register.fields)
    return replace(register, name=aliases.get(register.name, register.name), fields=fields)


def _same_name(ours: str, theirs: Register) -> bool:
    """Outside the core both names count; inside it the blocks have no agreed names, so only the register's does."""
    if theirs.address < CORE_SPACE:
        return ours == theirs.full_name
    short = theirs.name.removeprefix(theirs.peripheral + "_")
    return ours in (theirs.name, short) or ours.endswith("_" + short)


def _compare_register(claim: RegisterClaim, register: Register, report: Report) -> None:
    report.counts["registers"] += 1
    report.check(
        f"0x{claim.address:08x} name", claim.name, register.full_name, claim.where, _same_name(claim.name, register)
    )
    if claim.reset is not None and register.reset is not None:
        report.counts["resets"] += 1
        mask = register.reset_mask
        report.check(f"{claim.name} reset", claim.reset & mask, register.reset & mask, claim.where)
    if claim.writable is not None:
        report.counts["writable"] += 1
        bits = register.writable_bits
        report.check(f"{claim.name} writable", claim.writable, bits, claim.where, not claim.writable & ~bits)


def _compare_field(claim: FieldClaim, register: Register, report: Report) -> None:
    report.counts["fields"] += 1
    masks = {name: register.mask_of(name) for name in claim.fields}
    missing = [name for name, mask in masks.items() if mask is None]
    theirs = f"no field {', '.join(missing)}" if missing else sum_of_masks(m for m in masks.values() if m is not None)
    report.check(claim.name, claim.mask, theirs, claim.where)


def _compare_constant(claim: ConstantClaim, registers: Sequence[Register], report: Report) -> None:
    report.counts["fields"] += 1
    masks = [m for m in (r.mask_of(claim.name) for r in registers) if m is not None]
    theirs = " or ".join(dict.fromkeys(f"0x{m:x}" for m in masks)) or "no field of that name"
    report.check(f"{claim.where}.{claim.name}", claim.mask, theirs, claim.where, claim.mask in masks)


def _compare_named(claim: NamedClaim, register: Register, report: Report) -> None:
    report.counts["fields"] += 1
    suffix, where = claim.suffix, claim.where
    mask = register.mask_of(suffix.removesuffix("_Pos"))
    if mask is not None:
        position = (mask & -mask).bit_length() - 1
        report.check(claim.name, claim.value, position if suffix.endswith("_Pos") else mask, where)
        return
    words = suffix.split("_")
    for count in range(len(words) - 1, 0, -1):
        mask = register.mask_of("_".join(words[:count]))
        if mask is not None:
            report.check(claim.name, claim.value, mask, where, not claim.value & ~mask)
            return
    widths = {f.mask.bit_count() for f in register.fields}
    fits = len(register.fields) >= 8 and len(widths) == 1 and 1 << min(widths) > max(claim.value, 2)
    report.check(claim.name, claim.value, f"no such field of {register.full_name}", where, fits)


def root() -> Path | None:
    """The collection's folder: the one that holds data/, or data/ itself."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named)
    return folder / "data" if (folder / "data").is_dir() else folder


if __name__ == "__main__":
    from conformance import svd_chips

    svd_chips.main()
