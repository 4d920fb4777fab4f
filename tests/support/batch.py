"""Many planned graphs as one program on this computer: compiling them together is what makes trying many possible."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgekit_codegen.emit import EmitOptions, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.schedule import walk

from . import host_model, plans

MAIN = Path(__file__).with_name("batch_main.c")


@dataclass(frozen=True)
class Case:
    """A planned graph and one value per input."""

    graph: Graph
    plan: Plan
    inputs: Sequence[npt.NDArray[Any]]

    @property
    def streams(self) -> str:
        """Which ends are streamed, as batch_main.c takes it."""
        found = walk.streamed(self.plan.schedule)
        ends = self.graph.inputs[0] in found, self.graph.outputs[0] in found
        return {(False, False): "0", (True, False): "i", (False, True): "o", (True, True): "b"}[ends]


def run(cases: Sequence[Case], folder: Path) -> list[bytes]:
    """The output bytes of each case. Undefined behaviour ends the program with a signal."""
    names = [f"m{number}" for number in range(len(cases))]
    for name, case in zip(names, cases, strict=True):
        host_model.write(emit(case.graph, case.plan, plans.HOST, EmitOptions(name)), folder)
    externs = "".join(f'#include "{name}.h"\n' for name in names)
    (folder / "models.h").write_text(f"{externs}#define MODELS {', '.join(f'&{n}_model' for n in names)}\n")
    shutil.copyfile(MAIN, folder / MAIN.name)
    units = [*(f"{name}.c" for name in names), MAIN.name]
    command = [*host_model.compiler(), *host_model.WARNINGS, *host_model.TRAP, "-I.", *units, "-o", "batch"]
    subprocess.run(command, cwd=folder, check=True)
    data = b"".join(array.tobytes() for case in cases for array in case.inputs)
    streams = "".join(case.streams for case in cases)
    done = subprocess.run([folder / "batch", streams], input=data, capture_output=True, timeout=120)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr.decode()}"
    sizes = [sum(case.graph.tensors[i].bytes for i in case.graph.outputs) for case in cases]
    return [done.stdout[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes))]
