"""Reads model files into graphs."""

from __future__ import annotations

import re
from pathlib import Path

from edgekit_codegen.ir import Graph

from ..errors import ModelError, UsageError
from .edges import strip_float_edges
from .inspection import Inspection, OperatorInfo, TensorInfo, inspect_bytes
from .tflite import parse

__all__ = ["Inspection", "OperatorInfo", "TensorInfo", "identifier", "inspect", "load"]

_MAX_FILE_BYTES = 1 << 26
_KEYWORDS = """
alignas alignof auto bool break case char const constexpr continue default do double else enum extern false float for
goto if inline int long main nullptr register restrict return short signed sizeof static static_assert struct switch
thread_local true typedef typeof union unsigned void volatile while
class delete explicit export friend mutable namespace new operator private protected public template this throw try
using virtual and or not xor
"""  # of C and C++
_RESERVED = frozenset(_KEYWORDS.split())


def load(path: Path, *, io: str = "model") -> Graph:
    """The model in a .tflite file as a verified graph, named after the file.

    io  "model" keeps the file's inputs and outputs; "int8" removes QUANTIZE at the entry and DEQUANTIZE at the exit

    Raises ModelError when the file is broken or uses something unsupported, UsageError when it cannot be read.
    """
    if io not in ("model", "int8"):
        raise UsageError("model.io", f"io is {io!r}", 'use "model" or "int8"')
    graph = parse(_read(path), identifier(path.stem))
    return strip_float_edges(graph) if io == "int8" else graph


def inspect(path: Path) -> Inspection:
    """Every operator of a model file with shapes, types, quantization and work, supported or not.

    Raises ModelError only when the file is no whole .tflite file, UsageError when it cannot be read.
    """
    return inspect_bytes(_read(path), identifier(path.stem))


def identifier(name: str) -> str:
    """The name as a C identifier: other characters become underscores; "3-layer net" becomes "model_3_layer_net"."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:48].rstrip("_")
    if not text:
        return "model"
    return f"model_{text}" if text[0].isdigit() or text in _RESERVED else text


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            kind = "is a directory" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
            raise UsageError("model.not_found", f"{path} {kind}", "give the path of a .tflite file")
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError("model.unreadable", f"{path}: {error}", "check the path and its permissions") from error
    if len(data) > _MAX_FILE_BYTES:
        raise ModelError(
            "tflite.size", f"{path} is larger than {_MAX_FILE_BYTES >> 20} MiB", "give a .tflite file of a tiny model"
        )
    return data
