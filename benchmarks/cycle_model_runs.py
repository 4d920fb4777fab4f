"""What benchmarks/cycle_model.py runs: edgekit's images with either provider's kernels, without the rewrite that no
other engine has, and other engines' ELF files."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import edgekit
from edgekit import boards, frontend
from edgekit.api.device import random_inputs
from edgekit.builder import build_firmware
from edgekit.builder.toolchains import LEVEL
from edgekit.profiler import connect, measure
from edgekit.profiler.costs import cost_table
from edgekit.workspace import BuildFolder
from edgekit_codegen import passes, providers, reference
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.memory.planner import make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops import TABLE
from edgekit_codegen.passes.rewrite import Rewritten
from edgekit_codegen.providers import cmsis
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.order import ordered
from edgekit_codegen.target import Target

from . import elf_counts
from .models import models

TOOLCHAIN, OPTIMIZE = "gnu", LEVEL
M4, M7 = "nucleo-l4r5zi", "stm32f746g-disco"
CMSIS_NN = "CMSIS-NN in edgekit"
"""What a Run says that it is, of CMSIS-NN's kernels called by edgekit's generated code."""

_LONGEST_SHIFT = 30  # to the right, of what CMSIS-NN scales by (providers/cmsis.py); the reference has one bit more
_TIMEOUT = 600.0  # seconds that one inference may take on a busy machine

_REWRITES: tuple[Callable[[Graph], Rewritten], ...] = (
    passes.cancel_noops,
    passes.fold_pad,
    passes.fuse_activation,
    passes.fuse_lookups,
    passes.fold_constant_channels,
    passes.pointwise_as_fully_connected,
)
"""passes.optimize without drop_dead_channels, so that the model's multiply-accumulates are the published engines'."""


@dataclass(frozen=True, slots=True)
class Run:
    """One inference, emulated.

    engines       the published engines whose counterpart it is
    core          the emulated core
    what          what ran, in words
    instructions  exact
    cycles        core -> estimate by that core's table from what `core` executed
    """

    engines: tuple[str, ...]
    core: str
    what: str
    model: str
    instructions: int
    cycles: dict[str, int]


def whole(graph: Graph) -> Graph:
    """The graph after the rewrites, with all of its channels."""
    for _ in range(2 * len(graph.ops) + 1):
        before = graph
        for rewrite in _REWRITES:
            result = rewrite(graph)
            graph = verify(result.graph, rewrite.__name__) if result.changes else graph
        if graph is before:
            break
    return ordered(graph)


def representable(graph: Graph) -> Graph:
    """The graph with scales that CMSIS-NN's fixed-point steps can take where channels without weights have others.

    Such a channel's output is its bias times a factor; the bias is halved and the factor doubled. Smaller factors than
    these are 0 in the reference, and there is nothing to scale.
    """
    tensors = dict(graph.tensors)
    for op in graph.ops:
        if op.kind != "conv2d" or len(op.inputs) < 3:
            continue
        weights, bias = graph.operand(op, 1), graph.operand(op, 2)
        image, result = graph.operand(op, 0).quant, graph.result(op).quant
        assert image and result and weights.quant and bias.quant
        assert weights.data is not None and bias.data is not None
        steps = np.zeros(len(bias.data), np.int64)
        if weights.quant.per_channel:
            factors = [image.scale[0] * scale / result.scale[0] for scale in weights.quant.scale]
            short = [math.frexp(factor)[1] == -_LONGEST_SHIFT - 1 for factor in factors]
            steps = np.where(weights.data.reshape(len(steps), -1).any(axis=1), 0, short)
        if not steps.any():
            continue
        for tensor in (weights, bias):
            assert tensor.quant is not None
            scale = tuple(s * 2.0 ** int(n) for s, n in zip(tensor.quant.scale, steps, strict=True))
            data = bias.data >> steps.astype(bias.data.dtype) if tensor is bias else tensor.data
            tensors[tensor.id] = replace(tensor, quant=replace(tensor.quant, scale=scale), data=data)
    return verify(replace(graph, tensors=tensors), representable.__name__)


def macs(model: str) -> int:
    """Multiply-accumulates of the model as published."""
    return passes.macs(frontend.load(models()[model], io="int8"))


def cmsis_nn(model: str, board_name: str, engines: tuple[str, ...], cores: tuple[str, ...]) -> Run:
    """CMSIS-NN's kernels, called by edgekit's generated code, on every channel of the model.

    cores  by whose tables the executed instructions are weighed

    Raises AssertionError where the output is not the reference's, or channels are gone.
    """
    board = boards.load(board_name)
    read = whole(frontend.load(models()[model], io="int8"))
    graph, inputs = representable(read), random_inputs(read)
    if not all(map(np.array_equal, reference.run(graph, inputs), reference.run(read, inputs))):
        raise AssertionError(f"{model}: other scales, other outputs")
    if passes.macs(graph) != macs(model):
        raise AssertionError(f"{model}: {passes.macs(graph):,} multiply-accumulates, {macs(model):,} are published")
    target = boards.target(board, "cmsis-nn")
    own = [op.kind for op in graph.ops if TABLE[op.kind].macs(graph, op) and not _is_cmsis_nn(graph, op, target)]
    if own:
        raise AssertionError(f"{model}: edgekit's kernels, not CMSIS-NN's, would compute {', '.join(own)}")
    plan = make_plan(graph, layerwise.schedule(graph, providers.at_once(graph, target)), target)
    validate(graph, plan, target)
    instructions, cycles = 0, {}
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out)
        artifact = build_firmware(emit(graph, plan, target), board, folder, toolchain=TOOLCHAIN, optimize=OPTIMIZE)
        made = BuildFolder(folder, board.name, "int8", artifact.build_id, artifact.elf, model)
        for core in cores:
            weighed = replace(board, mcu=replace(board.mcu, core=core))
            with connect(made, weighed, emulate=True, port=None, timeout=_TIMEOUT) as connection:
                profile = measure(connection, made, graph, inputs).profile
            if not profile.output_matches_reference:
                raise AssertionError(f"{model} on {board_name}: the output differs from the reference")
            instructions, cycles[core] = profile.instructions or 0, profile.cycles or 0
    return Run(engines, board.mcu.core, CMSIS_NN, model, instructions, cycles)


def _is_cmsis_nn(graph: Graph, op: Op, target: Target) -> bool:
    return providers.kernel_of(graph, op, target).provider == cmsis.NAME


def edgekits(model: str, board_name: str) -> Run:
    """edgekit as it builds by default, with its own kernels and without dead channels."""
    with tempfile.TemporaryDirectory() as out:
        options = {"toolchain": TOOLCHAIN, "optimize": OPTIMIZE}
        edgekit.build(models()[model], board=board_name, out=out, io="int8", **options)
        profile = edgekit.profile(out, emulate=True, timeout=_TIMEOUT)
    if not profile.output_matches_reference:
        raise AssertionError(f"{model} on {board_name}: the output differs from the reference")
    core = boards.load(board_name).mcu.core
    return Run((), core, "edgekit", model, profile.instructions or 0, {core: profile.cycles or 0})


def elf(path: Path, model: str, board_name: str, engine: str, begin: str, end: str) -> Run:
    """Another engine's image, counted between two functions; see elf_counts.count()."""
    board = boards.load(board_name)
    done = elf_counts.count(path, board, begin, end)
    table = cost_table(board.mcu.core)
    cycles = {} if table is None else {board.mcu.core: done.cycles(table.cycles)}
    return Run((engine,), board.mcu.core, path.name, model, done.instructions, cycles)
