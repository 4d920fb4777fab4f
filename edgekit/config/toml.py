"""Strict TOML: a file becomes a frozen dataclass, and every mistake is reported with file, line and the closest key."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError

T = TypeVar("T")
Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed TOML file with its text, which tells the line of a key."""

    path: Path
    text: str
    data: dict[str, Any]

    def line(self, keys: Keys) -> int:
        """The line, from 1, of the key, or of the closest table or list around it."""
        lines = dict(_key_lines(self.text))
        while keys and keys not in lines:
            keys = keys[:-1]
        return lines.get(keys, 1)

    def error(self, keys: Keys, message: str, hint: str = "", code: str = "config.value") -> ConfigError:
        """A ConfigError that names this file, the key's line and the dotted key."""
        dotted = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys).lstrip(".")
        return ConfigError(code, f"{self.path}:{self.line(keys)}: {dotted}: {message}", hint)


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_ENTRY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")


def _key_lines(text: str) -> Iterator[tuple[Keys, int]]:
    """Every table header and key at the start of a line, with its line; entries of array tables carry their index."""
    table: Keys = ()
    counts: dict[Keys, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _split(header.group(2))
            if header.group(1) == "[[":
                index = counts.get(table, 0)
                counts[table] = index + 1
                table = (*table, index)
            yield table, number
        elif entry := _ENTRY.match(line):
            yield (*table, *_split(entry.group(1))), number


def _split(dotted: str) -> Keys:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def read(path: Path) -> Document:
    """Parse a file; a syntax error or an unreadable file is a ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("config.unreadable", f"{path}: {error}") from None
    try:
        return Document(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = where.group(1) if where else str(text.count("\n") + 1)
        raise ConfigError("config.syntax", f"{path}:{line}: {error}") from None


def decode(document: Document, cls: type[T], data: Any = None, keys: Keys = ()) -> T:
    """The document (or a table inside it) as an instance of the dataclass `cls`.

    Every key must be a field, every field without a default must be there, and types must match: int, float (an int
    is taken), str, bool, tuple[X, ...], nested dataclasses, dict[str, X] and unions with None.
    """
    table = document.data if data is None else data
    if not isinstance(table, dict):
        raise document.error(keys, "must be a table")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            close = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            raise document.error(
                (*keys, key), "unknown key", f"did you mean {close[0]}? Valid here: {', '.join(fields)}", "config.key"
            )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(document, hints[name], table[name], (*keys, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise document.error((*keys, name), "missing", f"add {name} to the table", "config.missing")
    return cls(**values)


def _value(document: Document, hint: Any, value: Any, keys: Keys) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _value(document, next(a for a in args if a is not type(None)), value, keys)
    if origin is tuple:
        if not isinstance(value, list):
            raise document.error(keys, f"must be a list, not {_name(value)}")
        if Ellipsis not in args and len(value) != len(args):
            raise document.error(keys, f"must be a list of {len(args)}, not {len(value)}")
        kinds = [args[0]] * len(value) if Ellipsis in args else list(args)
        return tuple(_value(document, k, v, (*keys, i)) for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is dict:
        if not isinstance(value, dict):
            raise document.error(keys, f"must be a table, not {_name(value)}")
        return {k: _value(document, args[1], v, (*keys, k)) for k, v in value.items()}
    if origin is typing.Literal:
        if value not in args:
            raise document.error(keys, f"is {value!r}", f"one of: {', '.join(map(str, args))}")
        return value
    if dataclasses.is_dataclass(hint):
        return decode(document, typing.cast(type[Any], hint), value, keys)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Any or (isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    raise document.error(keys, f"must be {hint.__name__}, not {_name(value)}")


def _name(value: Any) -> str:
    names: dict[type[Any], str] = {dict: "a table", list: "a list", str: "text"}
    return names.get(type(value), type(value).__name__)
