"""The path of the data, on one screen: model file -> graph -> rewrites -> order -> schedule -> plan -> C -> firmware.

Each stage is a pure function between frozen dataclasses; this module only joins them and turns the compiler's errors
into the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from edgekit_codegen import passes, providers
from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.errors import CodegenError, DoesNotFit, UnsupportedModel
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.memory.planner import make_plan
from edgekit_codegen.memory.solver import refine
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.passes.rewrites import NONE, Rewrites
from edgekit_codegen.schedule import beyond, ends, fitting, front, layerwise, misfit
from edgekit_codegen.schedule.edges import views_of
from edgekit_codegen.schedule.fitting import Fitting
from edgekit_codegen.schedule.order import ordered
from edgekit_codegen.target import Target

from . import boards, frontend, schedule_file
from .boards import Board
from .builder import Artifact, build_firmware
from .errors import ConfigError, FitError, ModelError, UsageError


@dataclass(frozen=True, slots=True)
class Read:
    """A model that is to be planned for a target.

    source  the graph as the frontend read it
    graph   after the exact rewrites, in the order of the least peak
    """

    source: Graph
    graph: Graph
    steps: tuple[passes.PassReport, ...]
    target: Target


@dataclass(frozen=True, slots=True)
class Compiled(Read):
    """A model planned for a target.

    graph     what the plan is of
    original  the graph before the rewrites that this plan needs, against whose work its own is told
    """

    plan: Plan
    original: Graph
    rewrites: Rewrites = NONE

    @property
    def read(self) -> Read:
        """The model without anything that this plan needs."""
        return Read(self.source, self.original, self.steps, self.target)

    @property
    def mac_factor(self) -> float:
        """Multiply-accumulates executed by those of the original graph."""
        return fitting.mac_factor(self.original, self.graph, self.plan.schedule)

    @property
    def overhead(self) -> int:
        """Instructions, about, beyond those of the original graph layer by layer."""
        return fitting.overhead(self.original, self.graph, self.plan.schedule)

    @property
    def rewritten(self) -> tuple[str, ...]:
        """What the plan's rewrites did, in words."""
        return fitting.describe(self.graph, self.plan.schedule, self.rewrites)


def compile_model(
    model: Path,
    board: Board,
    io: str = "model",
    sram: int | None = None,
    stream_input: bool = False,
    stream_output: bool = False,
    slowdown: float | None = None,
    schedule: Path | None = None,
    solver: bool = False,
    kernels: str = "edgekit",
    frame_buffer: bool = False,
) -> Compiled:
    """Read a model, rewrite it exactly, schedule it and give every buffer a certified address.

    sram           the most bytes that the plan may take; None leaves all of the board's memory
    stream_input   the input's rows arrive one by one, in order
    stream_output  the output's rows leave one by one, in order
    slowdown       take the smallest plan of those that need at most about so many times layer by layer's instructions

    schedule       a schedule file to take instead of any search; it says how input and output are streamed, too
    solver         pack the schedule that was found, or taken, by CP-SAT as well
    kernels        whose kernels compute what they can (Target.kernels); a library's compute whole layers, so that there
                   is one schedule, layer by layer: require_rows says what that excludes
    frame_buffer   the input lies in memory of the caller's, beside the arena: it is read there, as often as needed

    Otherwise the schedule is the fastest that fits, of the graph rewritten where nothing else does (schedule/fitting);
    FitError names the smallest where none does. ModelError where the input or the output cannot be streamed, UsageError
    where the solver is not installed.
    """
    if solver and find_spec("ortools") is None:
        raise UsageError("solver.missing", "the solver needs OR-Tools", "pip install 'edgekit[solver]'")
    read = read_model(model, board, io, kernels)
    if frame_buffer:
        with compiler_errors(model.name):
            read = replace(read, graph=_beside(read.graph))
    if kernels != "edgekit":
        return _compiled(read, Fitting(NONE, read.graph, _plan_layers(read, sram, solver)))
    if schedule is not None:
        return _compiled(read, _plan_as_saved(read, model, schedule, sram, solver))
    with compiler_errors(model.name):
        pulled, pushed = _ends(read.graph, stream_input, stream_output)
        if slowdown is None:
            found = fitting.fitting(read.graph, read.target, sram, pulled, pushed)
        else:
            found = beyond.smallest(read.graph, read.target, slowdown, sram, pulled, pushed)
        if solver:
            found = replace(found, plan=make_plan(found.graph, found.plan.schedule, read.target, refine))
        validate(found.graph, found.plan, read.target)
    return _compiled(read, found)


def _beside(graph: Graph) -> Graph:
    """The graph with its inputs in memory of the caller's. UnsupportedModel where an output would lie there too."""
    shown = {*graph.inputs, *views_of(graph, {*graph.inputs})}
    if not shown.isdisjoint(graph.outputs):
        raise UnsupportedModel(
            "unsupported.frame_buffer",
            "an output consists of the input's bytes, which are the caller's",
            "plan without a frame buffer",
        )
    return replace(graph, outside=frozenset(graph.inputs))


def _compiled(read: Read, found: Fitting) -> Compiled:
    read = replace(read, graph=replace(read.graph, outside=found.graph.outside))
    return Compiled(read.source, found.graph, read.steps, read.target, found.plan, read.graph, found.rewrites)


def require_rows(kernels: str, asked: Mapping[str, object]) -> None:
    """UsageError where options (as they are spelled -> what was given) want other schedules than layer by layer, of
    which a library's kernels allow none."""
    named = [option for option, given in asked.items() if given]
    if kernels != "edgekit" and named:
        raise UsageError(
            "kernels.layers",
            f"{named[0]} does not go with the kernels of {kernels}, which compute whole layers",
            f"leave {named[0]} out, or take edgekit's own: --kernels edgekit",
        )


def _plan_layers(read: Read, sram: int | None, solver: bool) -> Plan:
    """The certified plan, layer by layer, where kernels compute whole outputs in one call."""
    with compiler_errors(read.source.name):
        schedule = layerwise.schedule(read.graph, providers.at_once(read.graph, read.target))
        plan = make_plan(read.graph, schedule, read.target, refine if solver else None)
        validate(read.graph, plan, read.target)
    _require_room(read.source.name, plan, sram, "take edgekit's own kernels, which need less: --kernels edgekit")
    return plan


def _require_room(what: str, plan: Plan, sram: int | None, hint: str) -> None:
    if sram is not None and plan.arena_bytes > sram:
        message = f"{what}: needs {plan.arena_bytes:,} bytes of memory, {sram:,} are allowed"
        raise FitError("memory.does_not_fit", message, hint)


def _plan_as_saved(read: Read, model: Path, path: Path, sram: int | None, solver: bool) -> Fitting:
    """The certified plan of a schedule file."""
    said = schedule_file.load(path, model, read.graph)
    try:
        plan = make_plan(said.graph, said.schedule, read.target, refine if solver else None)
        validate(said.graph, plan, read.target)
    except DoesNotFit as error:
        raise FitError(error.code, f"{path.name}: {error.message}", error.hint) from error
    except CodegenError as error:
        raise ConfigError("schedule.impossible", f"{path}: {error.message}", schedule_file.AGAIN) from error
    _require_room(path.name, plan, sram, "plan a smaller schedule with --sram")
    return Fitting(said.rewrites, said.graph, plan)


def read_model(model: Path, board: Board, io: str = "model", kernels: str = "edgekit") -> Read:
    """Read a model, rewrite it exactly, and put its operators into the order that needs the least memory. kernels: as
    Target.kernels."""
    source = frontend.load(model, io=io)
    with compiler_errors(model.name):
        optimized = passes.optimize(source)
        graph = ordered(optimized.graph)
    return Read(source, graph, optimized.steps, boards.target(board, kernels))


def pareto(read: Read, stream_input: bool = False, stream_output: bool = False) -> tuple[front.Point, ...]:
    """Plans that no other one beats in both memory and time, the fastest first, each of them certified."""
    with compiler_errors(read.source.name):
        points = beyond.points(read.graph, read.target, *_ends(read.graph, stream_input, stream_output))
        for point in points:
            validate(fitting.prepared(read.graph, point.rewrites), point.plan, front.unlimited(read.target))
    return points


def _ends(graph: Graph, stream_input: bool, stream_output: bool) -> tuple[tuple[TensorId, ...], tuple[TensorId, ...]]:
    """The input whose rows arrive one by one, and the output whose rows leave so. The ABI's pull and push name a row
    and no tensor, so there is one of each."""
    if stream_input and len(graph.inputs) != 1:
        raise UnsupportedModel(
            "unsupported.streamed_input",
            f"the model has {len(graph.inputs)} inputs; rows of one alone can arrive one by one",
            "plan without a streamed input",
        )
    if stream_output:
        outputs = len(graph.outputs)
        several = f"the model has {outputs} outputs; rows of one alone can leave one by one" if outputs != 1 else None
        why = several or ends.resident(graph, graph.outputs[0])
        if why is not None:
            raise misfit.cannot_leave(why)
    return graph.inputs if stream_input else (), graph.outputs if stream_output else ()


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
