"""`--frame-buffer`: the input lies beside the arena, in memory of the caller's, which is read as often as needed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import batch, host_model, plans
from support.command_line import edgekit as command
from support.command_line import envelope
from support.graph_builder import GraphBuilder
from support.models import NAMES, ROOT, model_path
from support.toolchains import require
from test_streamed_example import answer_of, example

import edgekit
from edgekit import boards, frontend, pipeline
from edgekit.api.device import random_inputs
from edgekit.errors import ModelError, UsageError
from edgekit.export import tflite
from edgekit.report import memory_map
from edgekit_codegen import passes
from edgekit_codegen.emit import emit
from edgekit_codegen.errors import InvalidPlan
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import OUTSIDE, Plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule.fitting import fitting

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
BOARD = "stm32f746g-disco"


def beside(graph: Graph) -> Graph:
    return replace(graph, outside=frozenset(graph.inputs))


def small(graph: Graph, budget: int) -> Plan:
    return fitting(beside(graph), plans.HOST, budget).plan


@pytest.mark.parametrize(("sram", "toolchain"), [(None, "zig"), (54 * 1024, "gnu"), (38 * 1024, "zig")])
def test_the_emulated_board_answers_as_the_reference(sram: int | None, toolchain: str, tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    model = model_path("mlperf_tiny_vww")
    built = edgekit.build(
        model, board=BOARD, out=tmp_path, io="int8", sram=sram, frame_buffer=True, toolchain=require(toolchain)
    )
    profile = edgekit.profile(tmp_path, emulate=True)
    assert built.input == profile.input == "random-access"
    assert profile.output_matches_reference
    assert built.arena_bytes - 3 <= profile.arena_bytes <= built.arena_bytes
    assert sum(memory.parts.get("input", 0) for memory in built.regions) >= 96 * 96 * 3
    assert sum(memory.parts.get("arena", 0) for memory in built.regions) < built.arena_bytes + 32
    assert built.sram_bytes >= built.arena_bytes + 96 * 96 * 3
    assert sram is None or built.sram_bytes <= sram
    assert profile.stack_bytes is not None and built.stack_bytes is not None
    assert profile.stack_bytes <= built.stack_bytes


@pytest.mark.parametrize("name", NAMES)
def test_real_models_on_this_machine(name: str, tmp_path: Path) -> None:
    built = edgekit.build(model_path(name), board="host", out=tmp_path, frame_buffer=True)
    profile = edgekit.profile(tmp_path)
    assert built.input == profile.input == "random-access"
    assert profile.output_matches_reference
    resident = edgekit.plan(model_path(name), board="host")
    assert built.arena_bytes <= resident.arena_bytes


def test_tiles_read_the_image_again_where_streams_would_keep_its_rows() -> None:
    """Of seven rows that a pixel depends on none has to be kept."""
    graph = plans.real("mlperf_tiny_vww", "int8")
    plan = small(graph, 6_500)
    validate(beside(graph), plan, plans.HOST)
    assert plan.arena_bytes < 6_500
    assert plan.regions[-1].name == OUTSIDE
    assert plan.regions[-1].used == 96 * 96 * 3
    assert fitting(graph, plans.HOST, 11_800, graph.inputs).plan.arena_bytes > 10_000


def test_every_access_of_the_firmware_keeps_to_the_plan(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    from support.arena_images import emulated, replay_firmware

    board = boards.load(BOARD)
    compiled = pipeline.compile_model(DIGITS, board, "int8", 1700, frame_buffer=True)
    artifact = pipeline.to_firmware(compiled, board, tmp_path, None, "balanced")
    replay_firmware(compiled.graph, compiled.plan, emulated(artifact.elf, board), random_inputs(compiled.graph))


def test_nothing_is_written_to_the_callers_memory(tmp_path: Path) -> None:
    """Neither by operators that may compute in place, nor by a plan that somebody changed."""
    b = GraphBuilder()
    x = b.input((1, 4, 4, 4))
    y = b.relu(x)
    graph = beside(b.graph(b.conv2d(b.add(x, y), 4, (1, 1))))
    plan = fitting(graph, plans.HOST).plan
    validate(graph, plan, plans.HOST)
    inputs = host_model.random_inputs(graph, np.random.default_rng(1))
    assert batch.run([batch.Case(graph, plan, inputs)], tmp_path) == [host_model.reference_bytes(graph, inputs)]
    for storage in plan.storages:
        if storage.tensor not in graph.inputs:
            moved = replace(storage, region=len(plan.regions) - 1, offsets=tuple(16 * n for n in range(storage.slots)))
            bad = replace(plan, storages=tuple(moved if s is storage else s for s in plan.storages))
            with pytest.raises(InvalidPlan, match="memory of the caller's"):
                validate(graph, bad, plans.HOST)


def test_the_header_says_where_the_input_lies() -> None:
    graph = plans.real("mlperf_tiny_ic", "int8")
    text = emit(beside(graph), small(graph, 60_000), plans.HOST).files["mlperf_tiny_ic.h"]
    assert re.search(r"#define MLPERF_TINY_IC_REGION_1_BYTES 3072u /\* \"input\" \*/", text)
    assert "ctx->region[1] is where it lies" in text


def test_a_schedule_file_keeps_it(tmp_path: Path) -> None:
    first = edgekit.plan(
        DIGITS, board=BOARD, io="int8", sram=1700, frame_buffer=True, save_schedule=tmp_path / "s.toml"
    )
    again = edgekit.plan(DIGITS, board=BOARD, io="int8", schedule=tmp_path / "s.toml")
    assert (again.input, again.arena_bytes) == (first.input, first.arena_bytes) == ("random-access", first.arena_bytes)


def test_pictures_show_the_arena_alone() -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    graph = plans.real("mlperf_tiny_ic", "int8")
    figure = memory_map.draw(beside(graph), small(graph, 20_000))
    assert [axes.get_ylabel() for axes in figure.axes] == ["live", "ram"]


def test_the_front_has_its_name(tmp_path: Path) -> None:
    done = command("plan", DIGITS, "--board", BOARD, "--frame-buffer", "--pareto", "--json", cwd=tmp_path)
    assert {point["input"] for point in envelope(done)["data"]["points"]} == {"random-access"}


def test_rows_that_arrive_are_in_no_frame_buffer() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        edgekit.plan(DIGITS, board=BOARD, stream_input=True, frame_buffer=True)


def test_an_output_that_is_the_input_is_refused(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.input((1, 4, 4, 2))
    graph = b.graph(b.conv2d(x, 2, (1, 1)), b.reshape(x, (1, 32)))
    (tmp_path / "model.tflite").write_bytes(tflite.dump(graph))
    with pytest.raises(ModelError, match="the caller's"):
        edgekit.plan(tmp_path / "model.tflite", board=BOARD, frame_buffer=True)


CAMERA_H = """\
#include <stdint.h>
typedef struct { _Alignas(8) int8_t frame[64]; } camera_t;
enum { CAMERA_UNUSABLE = 8 };
static inline void *camera_frame(camera_t *camera)
{
    return camera->frame;
}
"""
MAIN_C = """\
#include <stdio.h>
#include <string.h>
#include "camera.h"
#include "digits.h"
int look(camera_t *camera, const int8_t **scores);
int main(void)
{
    camera_t camera, before;
    const int8_t *scores;
    fread(camera.frame, 1, sizeof camera.frame, stdin);
    before = camera;
    const int status = look(&camera, &scores);
    fwrite(scores, 1, DIGITS_OUTPUT_0_BYTES, stdout);
    return memcmp(&before, &camera, sizeof camera) != 0 ? 99 : status;
}
"""


def test_the_example_of_the_guide_reads_the_frame_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    graph = passes.optimize(frontend.load(DIGITS)).graph
    sources = emit(beside(graph), small(graph, 1_700), plans.HOST)
    values = host_model.random_inputs(graph, np.random.default_rng(3))
    files = {"camera.h": CAMERA_H, "main.c": MAIN_C, "look.c": example(2)}
    assert answer_of(sources, files, values, tmp_path) == host_model.reference_bytes(graph, values)
