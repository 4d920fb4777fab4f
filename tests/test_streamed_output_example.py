"""The second example of docs/streaming.md, between a camera and a display, and generated code's own example."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support import host_model, plans
from support.dense import unet
from test_streamed_example import answer_of, example

from edgekit_codegen.emit import EmitOptions, Sources, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.schedule.front import fastest

ROWS, ROW_IN, ROW_OUT = 96, 16 * 3, 16 * 2

CAMERA_H = f"""\
#include <stdint.h>
typedef struct {{ int underrun_at; int8_t rows[{ROWS * ROW_IN}]; }} camera_t;
enum {{ CAMERA_UNDERRUN = 7, CAMERA_UNUSABLE = 8 }};
int camera_wait_for_row(camera_t *camera, int row, int8_t *dst, uint32_t bytes);
"""
DISPLAY_H = f"""\
#include <stdint.h>
typedef struct {{ int lost_at, drawn; int8_t rows[{ROWS * ROW_OUT}]; }} display_t;
enum {{ DISPLAY_LOST = 9 }};
int display_draw_row(display_t *display, int row, const int8_t *src, uint32_t bytes);
"""
MAIN_C = """\
#include <stdio.h>
#include <string.h>
#include "camera.h"
#include "display.h"
int segment(camera_t *camera, display_t *display);
int camera_wait_for_row(camera_t *camera, int row, int8_t *dst, uint32_t bytes)
{
    memcpy(dst, camera->rows + (uint32_t)row * bytes, bytes);
    return row != camera->underrun_at;
}
int display_draw_row(display_t *display, int row, const int8_t *src, uint32_t bytes)
{
    if (row != display->drawn++ || row == display->lost_at) {
        return 0;
    }
    memcpy(display->rows + (uint32_t)row * bytes, src, bytes);
    return 1;
}
int main(void)
{
    static camera_t camera = {.underrun_at = 50};
    static display_t display = {.lost_at = -1};
    fread(camera.rows, 1, sizeof camera.rows, stdin);
    if (segment(&camera, &display) != CAMERA_UNDERRUN) {
        return 97;
    }
    camera.underrun_at = -1;
    display = (display_t){.lost_at = 70};
    if (segment(&camera, &display) != DISPLAY_LOST || display.drawn != 71) {
        return 98;
    }
    display = (display_t){.lost_at = -1};
    const int status = segment(&camera, &display);
    fwrite(display.rows, 1, sizeof display.rows, stdout);
    return status;
}
"""


def sources(graph: Graph, streamed_input: bool) -> Sources:
    plan = fastest(graph, plans.HOST, 6500, graph.inputs if streamed_input else (), pushed=graph.outputs)
    return emit(graph, plan, plans.HOST, EmitOptions("unet"))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return unet()


@pytest.fixture(scope="module")
def both(graph: Graph) -> Sources:
    return sources(graph, True)


def test_the_example_of_the_guide_works_also_after_either_end_failed(
    graph: Graph, both: Sources, tmp_path: Path
) -> None:
    (image,) = json.loads(both.files["layers.json"])["outputs"]
    assert (image["row_bytes"], "offset" in image) == (ROW_OUT, False)
    assert (
        "unet_invoke calls ctx->pull" in both.files["unet.h"] and "unet_invoke calls ctx->push" in both.files["unet.h"]
    )
    files = {"camera.h": CAMERA_H, "display.h": DISPLAY_H, "main.c": MAIN_C, "segment.c": example(1)}
    values = host_model.random_inputs(graph, np.random.default_rng(3))
    assert answer_of(both, files, values, tmp_path) == host_model.reference_bytes(graph, values)


@pytest.mark.parametrize("streamed_input", [False, True])
def test_the_folder_s_own_example_writes_rows(
    graph: Graph, both: Sources, streamed_input: bool, tmp_path: Path
) -> None:
    made = both if streamed_input else sources(graph, False)
    assert ("ctx->pull" in made.files["unet.h"]) == streamed_input
    host_model.write(made, tmp_path)
    command = [*host_model.compiler(), *host_model.WARNINGS, *host_model.SANITIZE, "-I.", "example_main.c"]
    subprocess.run([*command, *made.units, "-o", "t"], cwd=tmp_path, check=True)
    values = host_model.random_inputs(graph, np.random.default_rng(4))
    (tmp_path / "in").write_bytes(values[0].tobytes())
    shown = subprocess.run(["./t", "in", "out"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    answer = host_model.reference_bytes(graph, values)
    assert (tmp_path / "out").read_bytes() == answer
    assert [int(line.split()[1]) for line in shown.splitlines()[1:]] == np.frombuffer(answer, np.int8).tolist()


def test_a_streamed_output_has_no_address(graph: Graph, both: Sources, tmp_path: Path) -> None:
    host_model.write(both, tmp_path)
    (tmp_path / "main.c").write_text(
        '#include "unet.h"\n'
        "static _Alignas(UNET_REGION_0_ALIGN) uint8_t arena[UNET_REGION_0_BYTES];\n"
        "int main(void)\n{\n    const ek_ctx_t ctx = {.region = {arena}};\n"
        "    return unet_output(&ctx, 0) != NULL || unet_input(&ctx, 0) != NULL\n"
        f"        || UNET_OUTPUT_0_ROWS != {ROWS} || UNET_OUTPUT_0_ROW_BYTES != {ROW_OUT};\n}}\n"
    )
    command = [*host_model.compiler(), *host_model.WARNINGS, "-I.", "main.c", *both.units, "-o", "t"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run(["./t"], cwd=tmp_path, check=True)
