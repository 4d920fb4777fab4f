"""Reads FlatBuffers files that may be hostile: every offset and count is checked where it is followed.

Layout from the FlatBuffers format's own description ("FlatBuffer Internals"). A schema names the tables and fields
that are read; nothing else in the file is looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MAX_TABLES = 1 << 15  # read in all, however few the file holds: several references may lead to one
_MAX_NUMBERS = 1 << 20  # in all vectors together, likewise


class Malformed(Exception):  # noqa: N818  (a state of the file)
    """The file breaks the format. The message says which field does, as a path from the root."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number stored in the table, by its `struct` code; `default` where the file leaves it out."""

    code: str
    default: float = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """A vector of numbers, by the `struct` code of one; read as a tuple, empty where the file leaves it out."""

    code: str


@dataclass(frozen=True, slots=True)
class Bytes:
    """A vector of bytes or a string; read as a view of the file, None where the file leaves it out."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table's fields that are read, by slot number: the position in the schema's declaration.

    Read as a dictionary from the names of all these fields to their values.
    """

    name: str
    fields: Mapping[int, tuple[str, Field]]


@dataclass(frozen=True, slots=True)
class Child:
    """One table; None where the file leaves it out."""

    table: Table


@dataclass(frozen=True, slots=True)
class Children:
    """A vector of tables; read as a tuple, empty where the file leaves it out."""

    table: Table


@dataclass(frozen=True, slots=True)
class Union:
    """A table whose type the unsigned byte in slot `selector` names; None for types that `members` lacks."""

    selector: int
    members: Mapping[int, Table]


Field = Scalar | Numbers | Bytes | Child | Children | Union
Record = Mapping[str, Any]
_SIZES = {code: struct.calcsize(f"<{code}") for code in "bBhHiIqQf"}


def read(data: bytes, root: Table, identifier: bytes) -> Record:
    """The root table. Raises Malformed where a field leads outside `data`, or too much is read over and over."""
    if len(data) < 8 or data[4:8] != identifier:
        raise Malformed(f"the file identifier {identifier.decode()} is missing")
    reader = _Reader(data)
    return reader.table(reader.target(0, root.name), root, root.name)


def size(code: str) -> int:
    """Bytes of a number, by its `struct` code."""
    return _SIZES[code]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._view = memoryview(data)
        self._tables = 0
        self._numbers = 0

    def table(self, position: int, table: Table, path: str) -> Record:
        self._tables += 1
        if self._tables > _MAX_TABLES:
            raise Malformed(f"{path}: more than {_MAX_TABLES} tables")
        vtable = position - self._number("i", position, path)
        vtable_size, table_size = self._number("H", vtable, path), self._number("H", vtable + 2, path)
        if vtable_size < 4 or vtable_size % 2 or table_size < 4:
            raise Malformed(f"{path}: impossible vtable")
        self._inside(vtable, vtable_size, path)
        self._inside(position, table_size, path)
        offsets = struct.unpack_from(f"<{vtable_size // 2}H", self._data, vtable)[2:]
        record: dict[str, Any] = {}
        for slot, (name, field) in table.fields.items():
            offset = offsets[slot] if slot < len(offsets) else 0
            if offset == 0:
                record[name] = _absent(field)
                continue
            if offset < 4 or offset + (size(field.code) if isinstance(field, Scalar) else 4) > table_size:
                raise Malformed(f"{path}.{name}: lies outside its table")
            if isinstance(field, Scalar):
                record[name] = struct.unpack_from(f"<{field.code}", self._data, position + offset)[0]
            elif isinstance(field, Union):
                selector = offsets[field.selector]
                member = field.members.get(self._data[position + selector]) if 4 <= selector < table_size else None
                record[name] = member and self.table(
                    self.target(position + offset, f"{path}.{name}"), member, f"{path}.{name}"
                )
            else:
                record[name] = self._referred(position + offset, field, f"{path}.{name}")
        return record

    def target(self, position: int, path: str) -> int:
        """Where the unsigned offset at `position` leads."""
        return position + self._number("I", position, path)

    def _referred(self, position: int, field: Numbers | Bytes | Child | Children, path: str) -> Any:
        start = self.target(position, path)
        if isinstance(field, Child):
            return self.table(start, field.table, path)
        count = self._number("I", start, path)
        start += 4
        if isinstance(field, Bytes):
            self._inside(start, count, path)
            return self._view[start : start + count]
        if isinstance(field, Numbers):
            self._inside(start, count * size(field.code), path)
            self._numbers += count
            if self._numbers > _MAX_NUMBERS:
                raise Malformed(f"{path}: more than {_MAX_NUMBERS} numbers in vectors")
            return struct.unpack_from(f"<{count}{field.code}", self._data, start)
        self._inside(start, 4 * count, path)
        entries = range(start, start + 4 * count, 4)
        return tuple(
            self.table(self.target(entry, path), field.table, f"{path}[{i}]") for i, entry in enumerate(entries)
        )

    def _number(self, code: str, position: int, path: str) -> int:
        self._inside(position, size(code), path)
        return int(struct.unpack_from(f"<{code}", self._data, position)[0])

    def _inside(self, position: int, count: int, path: str) -> None:
        if position < 0 or position + count > len(self._data):
            raise Malformed(f"{path}: needs bytes {position} to {position + count} of a file of {len(self._data)}")


def _absent(field: Field) -> Any:
    if isinstance(field, Scalar):
        return field.default
    return () if isinstance(field, Numbers | Children) else None
