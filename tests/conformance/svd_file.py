"""CMSIS-SVD files: what a vendor says about the registers of a part."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    mask: int
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Register:
    """One register of an SVD file. `reset` is None where the register itself states none: the defaults that files give
    for all registers are placeholders. `reset_mask`: the bits that it is valid for."""

    peripheral: str
    name: str
    address: int
    reset: int | None
    reset_mask: int
    writable: bool
    fields: tuple[Field, ...]

    @property
    def full_name(self) -> str:
        return self.name if self.name.startswith(self.peripheral + "_") else f"{self.peripheral}_{self.name}"

    @property
    def writable_bits(self) -> int:
        """The bits of fields that can be written; the whole word where the file names no fields."""
        if not self.writable:
            return 0
        return sum_of_masks(f.mask for f in self.fields if f.writable) if self.fields else 0xFFFFFFFF

    def mask_of(self, name: str) -> int | None:
        """The bits of a field, or of the numbered fields that it is split into (PLLM0 to PLLM5 for PLLM)."""
        exact = [f.mask for f in self.fields if f.name == name]
        if exact:
            return exact[0]
        parts = [f.mask for f in self.fields if re.fullmatch(re.escape(name) + r"\d+", f.name)]
        return sum_of_masks(parts) if parts else None


@dataclass(frozen=True, slots=True)
class Device:
    """One SVD file: every register by its address, and every peripheral's base."""

    file: str
    registers: Mapping[int, tuple[Register, ...]]
    bases: Mapping[str, int]


def sum_of_masks(masks: Iterable[int]) -> int:
    total = 0
    for mask in masks:
        total |= mask
    return total


def _number(text: str | None, default: int | None = None) -> int | None:
    if text is None:
        return default
    text = text.strip().lower()
    if text.startswith("#"):
        return int(text[1:].replace("x", "0"), 2)
    return int(text, 16) if text.startswith("0x") else int(text)


def _field(node: ElementTree.Element, register_writable: bool) -> Field:
    name, bits = node.findtext("name", ""), node.findtext("bitRange")
    if bits is not None:
        high, low = (int(b) for b in bits.strip("[] ").split(":"))
    elif node.findtext("lsb") is not None:
        low, high = int(node.findtext("lsb", "")), int(node.findtext("msb", ""))
    else:
        low = _number(node.findtext("bitOffset")) or 0
        high = low + (_number(node.findtext("bitWidth"), 1) or 1) - 1
    access = node.findtext("access")
    return Field(name, (1 << high + 1) - (1 << low), register_writable if access is None else access != "read-only")


def _registers(peripheral: ElementTree.Element, name: str, base: int) -> Iterable[Register]:
    for node in peripheral.iter("register"):
        access = node.findtext("access")
        writable = access != "read-only"
        fields = tuple(_field(f, writable) for f in node.iter("field"))
        writable = writable or any(f.writable for f in fields)
        first = base + (_number(node.findtext("addressOffset")) or 0)
        reset, mask = _number(node.findtext("resetValue")), _number(node.findtext("resetMask"), 0xFFFFFFFF) or 0
        count, step = _number(node.findtext("dim"), 1) or 1, _number(node.findtext("dimIncrement"), 0) or 0
        labels = (node.findtext("dimIndex") or ",".join(str(i) for i in range(count))).split(",")
        if len(labels) != count:
            low, _, high = labels[0].partition("-")
            labels = [str(i) for i in range(int(low), int(high) + 1)]
        for index, label in enumerate(labels):
            text = node.findtext("name", "")
            own = text.replace("[%s]", label).replace("%s", label)
            yield Register(name, own, first + index * step, reset, mask, writable, fields)


@cache
def load(path: Path) -> Device:
    """Read an SVD file. Registers inside clusters are not looked for: no file in use has any."""
    root = ElementTree.parse(path).getroot()
    nodes = {p.findtext("name", ""): p for p in root.iter("peripheral")}
    found: dict[int, list[Register]] = {}
    bases: dict[str, int] = {}
    for name, node in nodes.items():
        bases[name] = _number(node.findtext("baseAddress")) or 0
        source = node
        while source.find("registers") is None and source.get("derivedFrom"):
            source = nodes[source.get("derivedFrom", "")]
        for register in _registers(source, name, bases[name]):
            found.setdefault(register.address, []).append(register)
    return Device(path.name, {a: tuple(r) for a, r in found.items()}, bases)
