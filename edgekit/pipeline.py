"""The path of the data, on one screen: model file -> graph -> rewrites -> schedule -> plan -> C -> firmware.

Each stage is a pure function between frozen dataclasses; this module only joins them and turns the compiler's errors
into the user's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgekit_codegen import memory, passes
from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.errors import CodegenError, DoesNotFit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.target import Target

from . import boards, frontend
from .boards import Board
from .builder import Artifact, build_firmware
from .errors import FitError, ModelError


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model planned for a target.

    source  the graph as the frontend read it
    graph   after the exact rewrites
    """

    source: Graph
    graph: Graph
    steps: tuple[passes.PassReport, ...]
    target: Target
    plan: Plan


def compile_model(model: Path, board: Board, io: str = "model") -> Compiled:
    """Read a model, rewrite it exactly, schedule it and give every buffer a certified address."""
    source = frontend.load(model, io=io)
    target = boards.target(board)
    with compiler_errors(model.name):
        optimized = passes.optimize(source)
        schedule = layerwise.schedule(optimized.graph)
        plan = memory.make_plan(optimized.graph, schedule, target)
        validate(optimized.graph, plan, target)
    return Compiled(source, optimized.graph, optimized.steps, target, plan)


def to_c(compiled: Compiled) -> Sources:
    """The model as C sources, with nothing board-specific but the plan."""
    with compiler_errors(compiled.source.name):
        return emit(compiled.graph, compiled.plan, compiled.target)


def to_firmware(compiled: Compiled, board: Board, out: Path, toolchain: str | None, optimize: str) -> Artifact:
    """Firmware for the board in folder `out`: the model's C, the agent and the port, compiled and linked."""
    return build_firmware(to_c(compiled), board, out, toolchain=toolchain, optimize=optimize)


@contextmanager
def compiler_errors(model: str) -> Iterator[None]:
    """Turn the compiler's errors into the user's, naming the model."""
    try:
        yield
    except DoesNotFit as error:
        raise FitError(error.code, f"{model}: {error.message}", error.hint) from error
    except CodegenError as error:
        raise ModelError(error.code, f"{model}: {error.message}", error.hint) from error
