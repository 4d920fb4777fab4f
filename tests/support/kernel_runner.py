"""Runs the C kernels in this process, compiled once with run-time parameters.

Every kernel header that the operator table names goes into one shared library, built with the undefined behaviour
sanitizer trapping. `compute` then calls a kernel row by row, as generated code does: rows in the true padding are
NULL, and a row may be computed in several strips.
"""

from __future__ import annotations

import atexit
import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import edgekit_codegen
from edgekit_codegen.ir import DType, Graph, Op
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Access, CValue, Kernel, Rows, Whole, Window

HEADERS = Path(edgekit_codegen.__file__).resolve().parent / "c"
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-shared", "-fPIC")
SANITIZE = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
GUARD = 64  # bytes around every output row that no kernel may touch

_C_TYPES: dict[str, type[Any]] = {
    "int": ctypes.c_int32,
    "int8_t": ctypes.c_int8,
    "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "float": ctypes.c_float,
}


def compiler() -> list[str]:
    """A host C compiler: gcc or cc where installed, else the one in the ziglang wheel."""
    for name in ("gcc", "cc", "clang"):
        if found := shutil.which(name):
            return [found]
    pytest.importorskip("ziglang", reason="no host C compiler: install gcc, or the ziglang wheel")
    return [sys.executable, "-m", "ziglang", "cc"]


def compute(
    graph: Graph,
    op: Op,
    activations: Sequence[npt.NDArray[Any]],
    cuts: Sequence[int] = (),
    in_place: int | None = None,
) -> npt.NDArray[Any]:
    """The operator's output from its C kernel.

    activations  the values of the operands that are not constant, by position
    cuts      the pixels at which strips of a row begin; none: every row in one call
    in_place  the position of the input whose row is overwritten by the output's (access Rows only)
    """
    record = TABLE[op.kind]
    kernel, out = record.kernel, graph.result(op)
    assert kernel is not None, f"{op.kind} is a view: no kernel runs"
    access = record.access(graph, op)
    given = iter(activations)
    operands = [(t, next(given) if t.data is None else t.data) for t in record.operands(graph, op)]
    inputs = [np.ascontiguousarray(array).reshape(tensor.hwc) for tensor, array in operands]
    call, fields = _function(op.kind, isinstance(access, Whole))
    params = _parameters(fields, kernel.params(graph, op))
    weights = kernel.weights(graph, op)
    requant = _requant(kernel, graph, op)
    scratch = np.zeros(record.scratch(graph, op) // 4 + 1, np.int32)
    rows, pixels, channels = out.hwc
    edges = [0, *sorted(c for c in cuts if 0 < c < pixels), pixels]
    result = np.empty((rows, pixels, channels), out.dtype.numpy)
    for y in range(rows):
        pointers = _pointers(access, inputs, y)
        row = np.full(2 * GUARD + pixels * channels * out.dtype.size, 0xA5, np.uint8)
        if in_place is not None:
            row[GUARD:-GUARD] = inputs[in_place][y].reshape(-1).view(np.uint8)
            pointers[in_place] = row.ctypes.data + GUARD
        for x0, x1 in pairwise(edges):
            where = (y, x0, x1) if isinstance(access, Whole) else (x0, x1)
            call(
                ctypes.byref(params), pointers, row.ctypes.data + GUARD, *where,
                None if weights is None else weights.ctypes.data,
                None if requant is None else requant.ctypes.data,
                scratch.ctypes.data,
            )  # fmt: skip
        assert (row[:GUARD] == 0xA5).all() and (row[-GUARD:] == 0xA5).all(), f"{op.kind} wrote outside row {y}"
        result[y] = row[GUARD:-GUARD].view(out.dtype.numpy).reshape(pixels, channels)
    return result.reshape(out.shape)


def _pointers(access: Access, inputs: Sequence[npt.NDArray[Any]], y: int) -> Any:
    if isinstance(access, Window):
        image = inputs[0]
        _, height, out_height = access.images or (1, len(image), 0)
        top, local = (y // out_height * height, y % out_height) if access.images else (0, y)
        numbers = [local * access.stride - access.pad + k * access.dilation for k in range(access.kernel)]
        rows = [image[top + n].ctypes.data if 0 <= n < height else None for n in numbers]
    elif isinstance(access, Rows):
        rows = [image[access.row(i, y)].ctypes.data for i, image in enumerate(inputs)]
    else:
        rows = [image.ctypes.data for image in inputs]
    return (ctypes.c_void_p * len(rows))(*rows)


def _requant(kernel: Kernel, graph: Graph, op: Op) -> npt.NDArray[Any] | None:
    requant = kernel.requant(graph, op)
    if requant is None:
        return None
    return np.ascontiguousarray(np.stack([requant.bias, requant.multiplier, requant.shift], axis=1), dtype=np.int32)


def _parameters(fields: type[ctypes.Structure], values: Any) -> ctypes.Structure:
    """The parameter struct; field names and their order must be the header's."""
    names = [name for name, *_ in fields._fields_]
    assert list(values) == names, f"params {list(values)} are not the struct's {names}"
    params = fields()
    for name, value in values.items():
        _assign(params, name, value)
    return params


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


@cache
def _function(kind: str, whole: bool) -> tuple[Any, type[ctypes.Structure]]:
    kernel = TABLE[kind].kernel
    assert kernel is not None
    call = getattr(_library(), f"run_{kind}")
    position = [ctypes.c_int] * (3 if whole else 2)
    call.argtypes = [ctypes.c_void_p] * 3 + position + [ctypes.c_void_p] * 3
    call.restype = None
    return call, _structure((HEADERS / "kernels" / kernel.header).read_text(), kernel.struct)


@cache
def _library() -> ctypes.CDLL:
    return build(wrappers())


def build(source: str) -> ctypes.CDLL:
    """C source over the kernel headers, compiled and loaded; undefined behaviour ends the process."""
    folder = Path(tempfile.mkdtemp(prefix="edgekit-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file, library = folder / "kernels.c", folder / "kernels.so"
    file.write_text(source)
    include = [f"-I{HEADERS}", f"-I{HEADERS / 'kernels'}"]
    subprocess.run([*compiler(), *FLAGS, *SANITIZE, *include, str(file), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def wrappers() -> str:
    """One function with external linkage per kernel."""
    parts: list[str] = []
    for kind, record in TABLE.items():
        kernel = record.kernel
        if kernel is None or not (HEADERS / "kernels" / kernel.header).is_file():
            continue
        y = re.search(kernel.function + r"\([^)]*\bint y\b", (HEADERS / "kernels" / kernel.header).read_text())
        position, names = ("int y, int x0, int x1", "y, x0, x1") if y else ("int x0, int x1", "x0, x1")
        arguments = (
            f"const {kernel.struct} *p, const int8_t *const in[], int8_t *out, {position},"
            " const void *w, const ek_requant_t *q, void *scratch"
        )
        parts += [
            f'#include "{kernel.header}"',
            f"void run_{kind}({arguments});",
            f"void run_{kind}({arguments})",
            f"{{ {kernel.function}(p, in, out, {names}, w, q, scratch); }}",
        ]
    return "\n".join(parts) + "\n"


def random_input(graph: Graph, position: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """A value for a graph input: uniform over int8, or standard normal for float32."""
    tensor = graph.tensors[graph.inputs[position]]
    if tensor.dtype is DType.FLOAT32:
        return rng.standard_normal(tensor.shape).astype(np.float32)
    limits = np.iinfo(tensor.dtype.numpy)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype.numpy)
