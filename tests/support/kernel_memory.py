"""What kernels see: memory with their operands, and their parameters as C lays them out."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edgekit_codegen
from edgekit_codegen.emit.project import headers
from edgekit_codegen.ops.record import CValue, Kernel

HEADERS = Path(edgekit_codegen.__file__).resolve().parent / "c"

_C_TYPES: dict[str, type[Any]] = {
    "int": ctypes.c_int32,
    "int8_t": ctypes.c_int8,
    "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "float": ctypes.c_float,
}


class Memory:
    """The bytes that kernels see, from address `base` on; `word` is the type of a pointer there."""

    def __init__(self, held: npt.NDArray[np.uint8], base: int, word: type[np.uint32] | type[np.uint64]) -> None:
        self.held = held
        self.base = base
        self.word = word
        self.used = 0

    def place(self, data: npt.NDArray[Any]) -> int:
        """The address of a copy."""
        raw = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        start = -(-self.used // 16) * 16
        self.used = start + len(raw)
        assert self.used <= len(self.held), f"the case needs more than {len(self.held)} bytes"
        self.held[start : self.used] = raw
        return self.base + start

    def view(self, address: int, size: int) -> npt.NDArray[np.uint8]:
        return self.held[address - self.base :][:size]


def call_type(word: type[np.uint32] | type[np.uint64]) -> np.dtype[Any]:
    """ek_call_t of `wrappers` with pointers of that type."""
    pointers, where = ("kernel", "p", "in", "out"), ("y", "x0", "x1")
    fields = [(n, word) for n in pointers] + [(n, np.int32) for n in where] + [(n, word) for n in ("w", "q", "scratch")]
    return np.dtype(fields, align=True)


@cache
def _fields(header: str, struct: str) -> type[ctypes.Structure]:
    return _structure("".join(headers([header]).values()), struct)


def parameters(kernel: Kernel, values: Any) -> npt.NDArray[np.uint8]:
    """The bytes of a kernel's parameter struct; field names and their order must be the header's."""
    fields = _fields(kernel.header, kernel.struct)
    names = [name for name, *_ in fields._fields_]
    assert list(values) == names, f"params {list(values)} are not the struct's {names}"
    params = fields()
    for name, value in values.items():
        _assign(params, name, value)
    return np.frombuffer(bytes(params), np.uint8)


def _assign(params: ctypes.Structure, name: str, value: CValue) -> None:
    if isinstance(value, tuple):
        array = getattr(params, name)
        assert len(value) <= len(array), f"{name} has {len(value)} values for {len(array)}"
        array[: len(value)] = value
    else:
        setattr(params, name, value)


def _structure(text: str, name: str) -> type[ctypes.Structure]:
    """The ctypes form of a C struct whose fields are numbers or arrays of numbers."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    match = re.search(r"typedef struct \{([^}]*)\} " + name + ";", text)
    assert match, f"struct {name} not found"
    fields: list[tuple[str, Any]] = []
    for ctype, field, length in re.findall(r"(\w+)\s+(\w+)(?:\[(\d+)\])?;", match[1]):
        base = _C_TYPES[ctype]
        fields.append((field, base * int(length) if length else base))
    return type(name, (ctypes.Structure,), {"_fields_": fields})
