"""Cells of the matrix: one model, built for one board by one compiler at one level, run on the emulated board."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import edgekit
from benchmarks import status
from edgekit import boards, frontend
from edgekit.api.device import open_job, random_inputs
from edgekit.link import MemoryMarks
from edgekit.profiler import connect
from edgekit.results import BuildResult
from edgekit_codegen import reference
from edgekit_codegen.ir import Graph
from support.models import NAMES, ROOT, model_path
from support.qemu import require_qemu
from support.toolchains import require

MODELS = ("digits", *NAMES)
TIMEOUT = 600.0  # seconds that an inference may take on a busy machine

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One image. optimize: what the compiler optimizes for."""

    model: str
    board: str
    toolchain: str = "gnu"
    optimize: str = status.OPTIMIZE

    def __str__(self) -> str:
        return f"{self.model}-{self.board}-{self.toolchain}-{self.optimize}"

    @property
    def target(self) -> status.Target:
        """Where docs/status.md has it."""
        return self.board, self.model, self.toolchain


@dataclass(frozen=True, slots=True)
class Answer:
    """What the emulated board said of one inference."""

    outputs: bytes
    memory: MemoryMarks
    instructions: tuple[int, ...]


def model_file(name: str) -> Path:
    """The example's model or a real one; the test is skipped where that is absent."""
    return ROOT / "examples" / "digits" / "digits.tflite" if name == "digits" else model_path(name)


def build(cell: Cell, out: Path) -> BuildResult:
    """The cell's image; the test is skipped where its toolchain or its emulator is absent."""
    if boards.load(cell.board).emulator.engine == "qemu":
        require_qemu()
    else:
        pytest.importorskip("unicorn")
        pytest.importorskip("capstone")
    return edgekit.build(
        model_file(cell.model), board=cell.board, out=out, toolchain=require(cell.toolchain), optimize=cell.optimize
    )


def run(out: Path, inputs: tuple[Arrays, ...]) -> list[Answer]:
    """The image in a build folder over each of the inputs, in one session."""
    job = open_job(out, out)
    answers = []
    with connect(job.folder, job.board, emulate=True, port=None, timeout=TIMEOUT) as connection:
        for arrays in inputs:
            inference = connection.session.infer([x.tobytes() for x in arrays])
            marks = connection.marks(inference)
            assert marks is not None
            memory = connection.session.memory()
            answers.append(Answer(b"".join(inference.outputs), memory, tuple(marks.instructions)))
    return answers


@functools.cache
def source(model: str) -> Graph:
    """The model as its file has it, before any rewrite."""
    return frontend.load(model_file(model))


@functools.cache
def inputs(model: str) -> tuple[Arrays, ...]:
    """Noise, which docs/status.md counts; coarse blocks, which models tell apart better; the lowest and the highest."""
    noise = random_inputs(source(model))
    return noise, *([form(x) for x in noise] for form in (_coarse, _lowest, _highest))


@functools.cache
def expected(model: str) -> tuple[bytes, ...]:
    """The reference's outputs for the inputs, computed on the source graph."""
    return tuple(b"".join(y.tobytes() for y in reference.run(source(model), list(x))) for x in inputs(model))


def _lowest(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.full_like(x, -1 if x.dtype.kind == "f" else np.iinfo(x.dtype).min)


def _highest(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.full_like(x, 1 if x.dtype.kind == "f" else np.iinfo(x.dtype).max)


def _coarse(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """At most three blocks an axis, each with the value of one of its elements."""
    for axis, size in enumerate(x.shape):
        x = x.take(np.arange(size) // -(-size // 3) * -(-size // 3), axis=axis)
    return x
