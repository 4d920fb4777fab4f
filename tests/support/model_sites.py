"""Where things stand in a whole .tflite file: offsets, lengths, fields, constants; for edits that know the format."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from edgekit.frontend.flatbuffer import Bytes, Child, Children, Field, Numbers, Scalar, Table, Union, size
from edgekit.frontend.tflite_schema import MODEL


@dataclass(frozen=True)
class Site:
    """`size` bytes at `position`, one little-endian number."""

    position: int
    size: int


@dataclass(frozen=True)
class Sites:
    """What an edit may aim at.

    offsets    unsigned offsets to tables and vectors, and the tables' signed offsets to their vtables
    lengths    element counts of vectors, and the sizes at the head of vtables
    slots      the entries of vtables
    fields     "Tensor.shape" and the like -> every number stored there, one site per element of a vector
    constants  (begin, end) of every buffer that holds anything
    texts      (begin, end) of every string
    """

    offsets: list[Site] = field(default_factory=list)
    lengths: list[Site] = field(default_factory=list)
    slots: list[Site] = field(default_factory=list)
    fields: Mapping[str, list[Site]] = field(default_factory=lambda: defaultdict(list))
    constants: list[tuple[int, int]] = field(default_factory=list)
    texts: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def structure(self) -> list[Site]:
        """Everything but constants and texts."""
        return [*self.offsets, *self.lengths, *self.slots, *(s for sites in self.fields.values() for s in sites)]

    @cached_property
    def scales(self) -> frozenset[Site]:
        """The scales of all tensors."""
        return frozenset(self.fields["QuantizationParameters.scale"])


def sites(data: bytes) -> Sites:
    """Every site of a file that is whole; each once, however often the file refers to it."""
    walk = _Walk(data)
    walk.follow(0, MODEL)
    return walk.sites


class _Walk:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sites = Sites()
        self.seen: set[int] = set()

    def number(self, layout: str, position: int) -> int:
        return int(struct.unpack_from(layout, self.data, position)[0])

    def follow(self, position: int, table: Table) -> None:
        """The table that the offset at `position` leads to."""
        self.sites.offsets.append(Site(position, 4))
        self.table(position + self.number("<I", position), table)

    def table(self, position: int, table: Table) -> None:
        if position in self.seen:
            return
        self.seen.add(position)
        vtable = position - self.number("<i", position)
        end = vtable + self.number("<H", vtable)
        self.sites.offsets.append(Site(position, 4))
        if vtable not in self.seen:
            self.seen.add(vtable)
            self.sites.lengths.extend((Site(vtable, 2), Site(vtable + 2, 2)))
            self.sites.slots.extend(Site(at, 2) for at in range(vtable + 4, end, 2))
        entries = {slot: vtable + 4 + 2 * slot for slot in table.fields}
        offsets = {slot: self.number("<H", at) for slot, at in entries.items() if at < end}
        for slot, (name, kind) in table.fields.items():
            if offsets.get(slot):
                self.field(position, position + offsets[slot], offsets, kind, f"{table.name}.{name}")

    def field(self, table: int, position: int, offsets: Mapping[int, int], kind: Field, name: str) -> None:
        if isinstance(kind, Scalar):
            self.sites.fields[name].append(Site(position, size(kind.code)))
        elif isinstance(kind, Numbers):
            self.sites.fields[name].extend(self.elements(position, size(kind.code)))
        elif isinstance(kind, Bytes):
            self.bytes(position, self.sites.constants if name == "Buffer.data" else self.sites.texts)
        elif isinstance(kind, Child):
            self.follow(position, kind.table)
        elif isinstance(kind, Children):
            for entry in self.elements(position, 4):
                self.follow(entry.position, kind.table)
        elif isinstance(kind, Union):
            selector = offsets.get(kind.selector, 0)
            member = kind.members.get(self.data[table + selector]) if selector else None
            if member is not None:
                self.follow(position, member)

    def bytes(self, position: int, found: list[tuple[int, int]]) -> None:
        elements = self.elements(position, 1)
        if elements:
            found.append((elements[0].position, elements[-1].position + 1))

    def elements(self, position: int, width: int) -> list[Site]:
        """The elements of the vector that the offset at `position` leads to; none where it was seen before."""
        start = position + self.number("<I", position)
        self.sites.offsets.append(Site(position, 4))
        if start in self.seen:
            return []
        self.seen.add(start)
        self.sites.lengths.append(Site(start, 4))
        return [Site(start + 4 + width * i, width) for i in range(self.number("<I", start))]
