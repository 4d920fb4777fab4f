"""Runs the C kernels on their own, compiled once with run-time parameters.

Every kernel header that the operator table names goes into one library. `compute` calls a kernel row by row, as
generated code does: rows in the true padding are NULL, and a row may be computed in several strips. Here that happens
in this process, with the undefined behaviour sanitizer trapping; support/arm_runner.py does it on emulated cores.
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
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pytest

from edgekit_codegen.emit.project import headers
from edgekit_codegen.ir import DType, Graph, Op, Tensor
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Access, Kernel, Rows, Window
from edgekit_codegen.providers import PROVIDERS, kernel_of
from edgekit_codegen.target import Target

from .kernel_memory import HEADERS, Memory, call_type, parameters

FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-shared", "-fPIC")
SANITIZE = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
GUARD = 64  # bytes around every output row that no kernel may touch
PAINT = 0xA5
MEMORY = 16 << 20  # bytes that the operands of one run may take


def compiler() -> list[str]:
    """A host C compiler: gcc or cc where installed, else the one in the ziglang wheel."""
    for name in ("gcc", "cc", "clang"):
        if found := shutil.which(name):
            return [found]
    pytest.importorskip("ziglang", reason="no host C compiler: install gcc, or the ziglang wheel")
    return [sys.executable, "-m", "ziglang", "cc"]


class Machine(Protocol):
    """What kernels run on: its memory and Target.isa, where a kernel is, and running a list of calls.

    Kernels are called as in `wrappers`: by kind, those of providers "conv2d_mve".
    """

    memory: Memory
    isa: str

    def kernel(self, name: str) -> int: ...

    def run(self, calls: npt.NDArray[Any]) -> None: ...


@dataclass(frozen=True)
class Prepared:
    """The calls that compute one operator, and where they leave its output.

    rows   addresses of the output's rows, `held` bytes each, GUARD bytes before and after them
    spare  the end of the kernel's working memory, GUARD bytes before what no kernel may touch
    """

    calls: npt.NDArray[Any]
    memory: Memory
    kind: str
    rows: Sequence[int]
    held: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    spare: int = 0

    def result(self) -> npt.NDArray[Any]:
        """The output, once the calls have run."""
        size = int(np.prod(self.shape)) * self.dtype.itemsize // len(self.rows)
        buffers = [self.memory.view(row - GUARD, self.held + 2 * GUARD) for row in self.rows]
        for y, buffer in enumerate(buffers):
            painted = (buffer[:GUARD] == PAINT).all() and (buffer[-GUARD:] == PAINT).all()
            assert painted, f"{self.kind} wrote outside row {y}"
        if self.spare:
            assert (self.memory.view(self.spare, GUARD) == PAINT).all(), f"{self.kind} wrote behind its working memory"
        rows = [buffer[GUARD : GUARD + size] for buffer in buffers]
        return np.concatenate(rows).view(self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class Way:
    """Which of a kernel's functions is called (ops/record.py): with spare memory, for two rows at once, for all of the
    output over the input."""

    roomy: bool = False
    coupled: bool = False
    planar: bool = False

    def name(self, kind: str) -> str:
        return kind + "_roomy" * self.roomy + "_rows" * self.coupled + "_planar" * self.planar


PLAIN = Way()


def ways(graph: Graph, op: Op, isa: str = "scalar") -> list[Way]:
    """All that the operator's kernel for such a target offers for it."""
    kernel = kernel_of(graph, op, Target("machine", (), isa))
    roomy = [False, True] if kernel.spare(graph, op) else [False]
    planar = [Way(planar=True)] if TABLE[op.kind].planar(graph, op) else []
    return planar + [Way(r, c) for r in roomy for c in ([False, True] if kernel.couples(graph, op) else [False])]


def compute(
    graph: Graph,
    op: Op,
    activations: Sequence[npt.NDArray[Any]],
    cuts: Sequence[int] = (),
    in_place: int | None = None,
    machine: Machine | None = None,
    way: Way = PLAIN,
) -> npt.NDArray[Any]:
    """The operator's output from its C kernel.

    activations  the values of the operands that are not constant, each once, by first position
    cuts      the pixels at which strips of a row begin; none: every row in one call
    in_place  the position of the input whose row is overwritten by the output's (access Rows only)
    machine   where it runs; by default this process
    way       which of the kernel's functions computes it
    """
    machine = machine or host()
    machine.memory.used = 0
    prepared = prepare(machine, graph, op, activations, cuts, in_place, way)
    machine.run(prepared.calls)
    return prepared.result()


def prepare(
    machine: Machine,
    graph: Graph,
    op: Op,
    activations: Sequence[npt.NDArray[Any]],
    cuts: Sequence[int] = (),
    in_place: int | None = None,
    way: Way = PLAIN,
) -> Prepared:
    """Everything that `compute` needs in the machine's memory."""
    record, memory = TABLE[op.kind], machine.memory
    kernel, out = kernel_of(graph, op, Target("machine", (), machine.isa), way.planar), graph.result(op)
    access = record.access(graph, op)
    operands = _values(record.operands(graph, op), activations)
    inputs = [np.ascontiguousarray(array).reshape(tensor.hwc) for tensor, array in operands]
    places = [memory.place(array) for array in inputs]
    params = parameters(kernel, kernel.params(graph, op))
    weights, requant = kernel.weights(graph, op), _requant(kernel, graph, op)
    planes = record.planar(graph, op) if way.planar else None
    needed = kernel.spare(graph, op) if way.roomy else record.scratch(graph, op) if planes is None else planes.scratch
    working = memory.place(np.full(needed + GUARD, PAINT, np.uint8))
    fixed = (*(0 if array is None else memory.place(array) for array in (weights, requant)), working)
    name = op.kind if kernel is record.kernel else f"{op.kind}_{machine.isa}"
    function, p = machine.kernel(way.name(name)), memory.place(params)
    rows, pixels, channels = out.hwc
    if planes is not None:
        target = memory.place(_painted(out.bytes, inputs[0] if in_place == 0 else None)) + GUARD
        table = memory.place(np.array([places[0] if in_place is None else target], memory.word))
        call = np.array([(function, p, table, target, 0, rows, planes.channels, *fixed)], call_type(memory.word))
        return Prepared(call, memory, op.kind, [target], out.bytes, out.shape, out.dtype.numpy, working + needed)
    edges = [0, *sorted(c for c in cuts if 0 < c < pixels), pixels]
    held = max(pixels * channels * out.dtype.size, 0 if in_place is None else inputs[in_place][0].nbytes)
    calls, results = [], []
    for y in range(rows):
        target = memory.place(_painted(held, None if in_place is None else inputs[in_place][y])) + GUARD
        pointers = _pointers(access, inputs, places, y)
        if in_place is not None:
            pointers[in_place] = target
        table = memory.place(np.array(pointers, memory.word))
        local = _within_image(access, y)
        calls += [(function, p, table, target, local, x0, x1, *fixed) for x0, x1 in pairwise(edges)]
        results.append(target)
    if way.coupled:
        calls = []
        for y in range(0, rows, 2):
            some = [_pointers(access, inputs, places, n)[0] for n in range(y, min(y + 2, rows))]
            tables = (memory.place(np.array(at, memory.word)) for at in (some, results[y : y + 2]))
            calls.append((function, p, *tables, len(some), 0, 0, *fixed))
    array = np.array(calls, call_type(memory.word))
    return Prepared(array, memory, op.kind, results, held, out.shape, out.dtype.numpy, working + needed)


def _painted(size: int, overwritten: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8]:
    """So many bytes between guards, some of which hold what the kernel overwrites."""
    row = np.full(2 * GUARD + size, PAINT, np.uint8)
    if overwritten is not None:
        given = overwritten.reshape(-1).view(np.uint8)
        row[GUARD : GUARD + len(given)] = given
    return row


def _values(
    operands: Sequence[Tensor], activations: Sequence[npt.NDArray[Any]]
) -> list[tuple[Tensor, npt.NDArray[Any]]]:
    """Each operand with its value; one that is named several times has one value."""
    computed = dict.fromkeys(t.id for t in operands if t.data is None)
    given = dict(zip(computed, activations, strict=True))
    return [(t, given[t.id] if t.data is None else t.data) for t in operands]


def _within_image(access: Access, y: int) -> int:
    return y % access.images[2] if isinstance(access, Window) and access.images else y


def _pointers(access: Access, inputs: Sequence[npt.NDArray[Any]], places: Sequence[int], y: int) -> list[int]:
    """The addresses of the rows that output row y reads; 0 for padding."""
    pitches = [array[0].nbytes for array in inputs]
    if isinstance(access, Window):
        _, height, out_height = access.images or (1, len(inputs[0]), y + 1)
        top = y // out_height * height
        numbers = access.rows(_within_image(access, y))
        return [places[0] + (top + n) * pitches[0] if 0 <= n < height else 0 for n in numbers]
    if isinstance(access, Rows):
        return [place + access.row(i, y) * pitches[i] for i, place in enumerate(places)]
    return list(places)


def _requant(kernel: Kernel, graph: Graph, op: Op) -> npt.NDArray[Any] | None:
    requant = kernel.requant(graph, op)
    if requant is None:
        return None
    return np.ascontiguousarray(np.stack([requant.bias, requant.multiplier, requant.shift], axis=1), dtype=np.int32)


class Host:
    """This process."""

    def __init__(self, isa: str) -> None:
        self.isa = isa
        held = np.zeros(MEMORY, np.uint8)
        self.memory = Memory(held, held.ctypes.data, np.uint64)
        self._library = build(wrappers(isa))

    def kernel(self, name: str) -> int:
        address = ctypes.cast(getattr(self._library, f"run_{name}"), ctypes.c_void_p).value
        assert address is not None
        return address

    def run(self, calls: npt.NDArray[Any]) -> None:
        self._library.run_calls(ctypes.c_void_p(calls.ctypes.data), ctypes.c_int(len(calls)))


@cache
def host(isa: str = "scalar") -> Host:
    return Host(isa)


def build(source: str) -> ctypes.CDLL:
    """C source over the kernel headers, compiled and loaded; undefined behaviour ends the process."""
    folder = Path(tempfile.mkdtemp(prefix="edgekit-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file, library = folder / "kernels.c", folder / "kernels.so"
    file.write_text(source)
    include = [f"-I{HEADERS}", f"-I{HEADERS / 'kernels'}"]
    subprocess.run([*compiler(), *FLAGS, *SANITIZE, *include, str(file), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


ARGUMENTS = (
    "const void *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,"
    " const void *w, const ek_requant_t *q, void *scratch"
)

_CALLS = f"""
typedef struct {{
    void (*kernel)({ARGUMENTS});
    const void *p;
    const int8_t *const *in;
    int8_t *out;
    int32_t y, x0, x1;
    const void *w;
    const ek_requant_t *q;
    void *scratch;
}} ek_call_t;
void run_calls(const ek_call_t *calls, int n);
void run_calls(const ek_call_t *calls, int n)
{{
    for (int i = 0; i < n; ++i) {{
        const ek_call_t *const c = &calls[i];
        c->kernel(c->p, c->in, c->out, c->y, c->x0, c->x1, c->w, c->q, c->scratch);
    }}
}}
"""


def wrappers(isa: str = "scalar") -> str:
    """One function with external linkage per kernel, all with the same arguments, and one that runs a list of calls.

    isa: the providers' kernels for it are there, too
    """
    parts: list[str] = ['#include "ek_types.h"', _CALLS]
    kernels = {kind: record.kernel for kind, record in TABLE.items() if record.kernel is not None}
    offered = {f"{kind}_{isa}": offer.kernel for provider in PROVIDERS[isa] for kind, offer in provider.items()}
    for kind, kernel in (kernels | offered).items():
        if not (HEADERS / "kernels" / kernel.header).is_file():
            continue
        text = "".join(headers([kernel.header]).values())
        parts.append(f'#include "{kernel.header}"')
        if kernel.planar and kind in kernels:
            parts += [f"void run_{kind}_planar({ARGUMENTS});", f"void run_{kind}_planar({ARGUMENTS})"]
            parts += [f"{{ (void)y; {kernel.planar}(p, in, out, x0, x1, w, q, scratch); }}"]
        named = (kind, kernel.function), (f"{kind}_add", kernel.adding), (f"{kind}_roomy", kernel.roomy)
        for name, function in named:
            y = re.search(function + r"\([^)]*\bint y\b", text)
            call = f"{function}(p, in, out, {'y, ' if y else ''}x0, x1, w, q, scratch);"
            body = f"{{ {'' if y else '(void)y; '}{call} }}"
            parts += [f"void run_{name}({ARGUMENTS});", f"void run_{name}({ARGUMENTS})", body] if function else []
            if function and re.search(function + r"s\(", text):
                body = f"{{ (void)x0; (void)x1; {function}s(p, in, (int8_t *const *)(void *)out, y, w, q, scratch); }}"
                parts += [f"void run_{name}_rows({ARGUMENTS});", f"void run_{name}_rows({ARGUMENTS})", body]
    return "\n".join(parts) + "\n"


def random_input(graph: Graph, position: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """A value for a graph input: uniform over int8, or standard normal for float32."""
    tensor = graph.tensors[graph.inputs[position]]
    if tensor.dtype is DType.FLOAT32:
        return rng.standard_normal(tensor.shape).astype(np.float32)
    limits = np.iinfo(tensor.dtype.numpy)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype.numpy)
