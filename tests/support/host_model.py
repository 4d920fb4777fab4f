"""Generated C on this computer: compiled with both sanitizers and run as a process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgekit_codegen.emit import Sources
from edgekit_codegen.ir import Graph

WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TRAP = ("-O0", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
"""In place of SANITIZE where many models are compiled: undefined behaviour still ends the program, without a word."""

MAIN = Path(__file__).with_name("host_main.c")


def compiler() -> list[str]:
    """The host's C compiler."""
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    pytest.skip("no host C compiler: install gcc")


def every_compiler() -> dict[str, list[str]]:
    """Each C compiler that generated code is meant for and that is installed, by name."""
    commands = {"cc": ["cc"], "gcc": ["gcc"], "clang": ["clang"], "arm-none-eabi-gcc": ["arm-none-eabi-gcc"]}
    found = {name: command for name, command in commands.items() if shutil.which(command[0])}
    try:
        import ziglang  # noqa: F401
    except ImportError:
        return found
    return {**found, "zig cc": [sys.executable, "-m", "ziglang", "cc"]}


def write(sources: Sources, folder: Path) -> Path:
    """The files of a model in a folder, and nothing else."""
    for path, text in sources.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class HostModel:
    """A compiled model."""

    program: Path
    graph: Graph
    streamed: tuple[bool, bool] = (False, False)

    def run(self, inferences: Sequence[Sequence[npt.NDArray[Any]]]) -> list[bytes]:
        """The output bytes of every inference. Fails where a sanitizer complains."""
        data = b"".join(np.ascontiguousarray(array).tobytes() for inputs in inferences for array in inputs)
        done = self.call(len(inferences), data)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}"
        size = sum(self.graph.tensors[i].bytes for i in self.graph.outputs)
        return [done.stdout[i * size : (i + 1) * size] for i in range(len(inferences))]

    def call(self, n: int, data: bytes, abort_at: int = -1) -> subprocess.CompletedProcess[bytes]:
        arguments = [str(n), *(str(int(s)) for s in self.streamed), str(abort_at)]
        return subprocess.run([self.program, *arguments], input=data, capture_output=True, timeout=120)


def build(
    sources: Sources, graph: Graph, folder: Path, streamed: tuple[bool, bool] = (False, False), optimize: str = "-O1"
) -> HostModel:
    """Write and compile a model with a main function that feeds it."""
    write(sources, folder)
    return HostModel(compile_folder(folder, sources.symbol, sources.units, (*SANITIZE, optimize)), graph, streamed)


def compile_folder(folder: Path, symbol: str, units: Sequence[str], flags: Sequence[str]) -> Path:
    """Compile a written model with a main function that feeds it; the program."""
    program = folder / "host_model"
    command = [*compiler(), *WARNINGS, *flags, "-g1", "-I.", f"-DMODEL={symbol}", *units, str(MAIN)]
    subprocess.run([*command, "-o", str(program)], cwd=folder, check=True)
    return program


def random_inputs(graph: Graph, rng: np.random.Generator) -> list[npt.NDArray[Any]]:
    """One value per graph input: uniform over int8, normal for float32."""
    values: list[npt.NDArray[Any]] = []
    for ident in graph.inputs:
        tensor = graph.tensors[ident]
        if tensor.dtype.value == "float32":
            values.append((3 * rng.standard_normal(tensor.shape)).astype(np.float32))
        else:
            values.append(rng.integers(-128, 128, tensor.shape).astype(tensor.dtype.numpy))
    return values


def reference_bytes(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> bytes:
    """What the reference answers, as the program writes it."""
    from edgekit_codegen import reference

    return b"".join(np.ascontiguousarray(array).tobytes() for array in reference.run(graph, list(inputs)))
