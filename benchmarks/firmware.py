"""A schedule as a firmware image that was built, run and compared: what benchmarks print of a plan, it then is."""

from __future__ import annotations

from pathlib import Path

import edgekit
from edgekit import schedule_file
from edgekit.builder.toolchains import LEVEL
from edgekit.results import BuildResult, ProfileResult
from edgekit_codegen.ir import Graph
from edgekit_codegen.passes.rewrites import NONE, Rewrites
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.types import Schedule

TOOLCHAIN, OPTIMIZE = "gnu", LEVEL
"""Of boards; the host has its own compiler."""

ROUNDED = 4
"""Bytes of which an arena is a multiple: above the highest row may lie fewer that nothing writes."""

_TIMEOUT = 600.0  # seconds that one inference may take on a busy machine

Run = tuple[BuildResult, ProfileResult]


def run(model: Path, board: str, graph: Graph, schedule: Schedule, out: Path, rewrites: Rewrites = NONE) -> Run:
    """Build a schedule of the model's graph with int8 input and output, and run it emulated, or on the host.

    graph  what `pipeline.read_model` makes of the .tflite `model`
    out    the build folder; the schedule file lies beside it
    rewrites  what the schedule needs to be done to the graph before

    Raises AssertionError where the output is not the reference's, or the arena's high-water mark not the plan's.
    """
    file, on_host = out.with_suffix(".toml"), board == "host"
    schedule_file.save(file, model, graph, schedule, rewrites)
    build = edgekit.build(
        model,
        board=board,
        out=out,
        io="int8",
        schedule=file,
        stream_input=any(i in walk.streamed(schedule) for i in graph.inputs),
        toolchain=None if on_host else TOOLCHAIN,
        optimize=OPTIMIZE,
    )
    profile = edgekit.profile(out, emulate=not on_host, timeout=_TIMEOUT)
    what = f"{model.stem} on {board}, {build.schedule}"
    if not profile.output_matches_reference:
        raise AssertionError(f"{what}: the output differs from the reference")
    if profile.arena_bytes is None or not 0 <= build.arena_bytes - profile.arena_bytes < ROUNDED:
        raise AssertionError(f"{what}: planned {build.arena_bytes:,} bytes, {profile.arena_bytes} were written")
    return build, profile
