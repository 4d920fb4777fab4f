"""Checks the bounds of a FlatBuffers file before any accessor touches it.

The generated accessors trust every offset and count in the file. This walk follows the fields that the frontend reads,
from the root, and refuses a file in which one of them leads outside the file or is repeated without bound. Layout
from the FlatBuffers format's own description ("FlatBuffer Internals").
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_TABLES = 100_000
_MAX_REPETITION = 16  # bytes reached, counted with repetition, per byte of the file


class Malformed(Exception):  # noqa: N818  (a state of the file)
    """The file breaks the format. The message says which field does, as a path from the root."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number of `size` bytes stored in the table."""

    size: int


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector of numbers of `size` bytes each; a string is a vector of bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table's fields that are read, by slot number: the position in the schema's declaration."""

    name: str
    fields: Mapping[int, tuple[str, Field]]


@dataclass(frozen=True, slots=True)
class Child:
    """One table."""

    table: Table


@dataclass(frozen=True, slots=True)
class Children:
    """A vector of tables."""

    table: Table


@dataclass(frozen=True, slots=True)
class Union:
    """A table whose type the one-byte field in slot `selector` names; other types are not read."""

    selector: int
    members: Mapping[int, Table]


Field = Scalar | Vector | Child | Children | Union


def check(data: bytes, root: Table, identifier: bytes) -> None:
    """Return when every field of `root` that the schema table lists lies inside `data`; raise Malformed otherwise."""
    if len(data) < 8 or data[4:8] != identifier:
        raise Malformed(f"the file identifier {identifier.decode()} is missing")
    walk = _Walk(data)
    walk.table(walk.target(0, root.name), root, root.name)


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables = 0
        self._budget = _MAX_REPETITION * len(data)

    def table(self, position: int, table: Table, path: str) -> None:
        self._tables += 1
        if self._tables > _MAX_TABLES:
            raise Malformed(f"{path}: more than {_MAX_TABLES} tables")
        vtable = position - self._number("<i", position, path)
        vtable_size, table_size = self._number("<H", vtable, path), self._number("<H", vtable + 2, path)
        if vtable_size < 4 or vtable_size % 2 or table_size < 4:
            raise Malformed(f"{path}: impossible vtable")
        self._inside(vtable, vtable_size, path)
        self._inside(position, table_size, path)
        offsets = {
            slot: self._number("<H", vtable + 4 + 2 * slot, path)
            for slot in table.fields
            if 4 + 2 * slot + 2 <= vtable_size
        }
        for slot, (name, field) in table.fields.items():
            offset = offsets.get(slot, 0)
            if offset:
                size = field.size if isinstance(field, Scalar) else 4
                if offset < 4 or offset + size > table_size:
                    raise Malformed(f"{path}.{name}: lies outside its table")
                self._field(position, offset, offsets, field, f"{path}.{name}")

    def target(self, position: int, path: str) -> int:
        """Where the unsigned offset at `position` leads."""
        return position + self._number("<I", position, path)

    def _field(self, table: int, offset: int, offsets: Mapping[int, int], field: Field, path: str) -> None:
        position = table + offset
        if isinstance(field, Vector):
            self._vector(self.target(position, path), field.size, path)
        elif isinstance(field, Child):
            self.table(self.target(position, path), field.table, path)
        elif isinstance(field, Children):
            start = self.target(position, path)
            for index in range(self._vector(start, 4, path)):
                entry = start + 4 + 4 * index
                self.table(self.target(entry, path), field.table, f"{path}[{index}]")
        elif isinstance(field, Union):
            selector = offsets.get(field.selector, 0)
            member = field.members.get(self._data[table + selector]) if selector else None
            if member is not None:
                self.table(self.target(position, path), member, path)

    def _vector(self, position: int, size: int, path: str) -> int:
        count = self._number("<I", position, path)
        self._inside(position + 4, count * size, path)
        return count

    def _number(self, layout: str, position: int, path: str) -> int:
        self._inside(position, struct.calcsize(layout), path)
        return int(struct.unpack_from(layout, self._data, position)[0])

    def _inside(self, position: int, size: int, path: str) -> None:
        if position < 0 or position + size > len(self._data):
            raise Malformed(f"{path}: needs bytes {position} to {position + size} of a file of {len(self._data)}")
        self._budget -= size
        if self._budget < 0:
            raise Malformed(f"{path}: the file refers to the same bytes over and over")
