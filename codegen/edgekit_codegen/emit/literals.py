"""Numbers and text as C literals. Tables of weights are formatted by NumPy, not number by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ops.record import CValue

WIDTH = 120
PER_LINE = 20
INDENT = "    "


def table(values: npt.NDArray[Any]) -> str:
    """The elements of an integer array as lines of an initialiser, PER_LINE numbers each."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype == np.int8:
        return _bytes_table(flat)
    texts = [f"{v}," for v in flat.tolist()]
    per_line = max(1, (WIDTH - len(INDENT)) // (max(map(len, texts), default=1) + 1))
    return columns(texts, min(PER_LINE, per_line))


def columns(texts: Sequence[str], per_line: int) -> str:
    """Texts right-aligned in columns."""
    width = max(map(len, texts), default=0)
    lines = (texts[i : i + per_line] for i in range(0, len(texts), per_line))
    return "".join(INDENT + " ".join(t.rjust(width) for t in line) + "\n" for line in lines)


_CELL = 5
_CELLS = np.array([f"{v:4d}," for v in (*range(128), *range(-128, 0))], f"S{_CELL}")


def _bytes_table(flat: npt.NDArray[np.int8]) -> str:
    rows = -(-len(flat) // PER_LINE)
    cells = np.full(rows * PER_LINE, b" " * _CELL, f"S{_CELL}")
    cells[: len(flat)] = _CELLS[flat.view(np.uint8)]
    lines = np.empty((rows, len(INDENT) + PER_LINE * _CELL + 1), np.uint8)
    lines[:, : len(INDENT)] = ord(" ")
    lines[:, len(INDENT) : -1] = cells.view(np.uint8).reshape(rows, PER_LINE * _CELL)
    lines[:, -1] = ord("\n")
    return lines.tobytes().decode("ascii").rstrip() + "\n" if rows else ""


def value(v: CValue) -> str:
    """A parameter's initialiser."""
    if isinstance(v, tuple):
        return "{" + ", ".join(str(i) for i in v) + "}"
    return real(v) if isinstance(v, float) else integer(v)


def integer(v: int) -> str:
    """INT32_MIN has no literal of its own type."""
    return "INT32_MIN" if v == -(1 << 31) else str(v)


def real(v: float) -> str:
    """A float32, exactly, as a hexadecimal literal. Raises ValueError where v is not a finite float32."""
    if float(np.float32(v)) != v or not np.isfinite(v):
        raise ValueError(f"{v!r} is not a finite float32")
    mantissa, exponent = v.hex().split("p")
    mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa
    return f"{mantissa.rstrip('.')}p{exponent}f"


def string(text: str) -> str:
    """A string literal of the text's UTF-8 bytes."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'


def comment(text: str) -> str:
    """Text that cannot end, open or continue a comment."""
    return text.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")


def fill(head: str, parts: Iterable[str], tail: str, hang: int | None = None) -> str:
    """head + parts joined by commas + tail, wrapped at WIDTH.

    hang  columns that further lines are indented by; None aligns them with the first part
    """
    indent = " " * (len(head) if hang is None else hang)
    lines, current = [], head
    for i, part in enumerate(items := list(parts)):
        piece = part + ("," if i + 1 < len(items) else tail)
        if current.strip() and len(current.rstrip()) + 1 + len(piece) > WIDTH and current.strip() != head.strip():
            lines.append(current.rstrip())
            current = indent
        current += piece + " "
    return "\n".join([*lines, current.rstrip() if items else head + tail])
