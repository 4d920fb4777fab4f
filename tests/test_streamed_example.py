"""The example of docs/streaming.md, with a camera that plays files, and generated code's own example."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support import host_model, plans
from support.models import ROOT

from edgekit import frontend
from edgekit_codegen import passes
from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.schedule import front

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"

CAMERA_H = """\
#include <stdint.h>
typedef struct { int underrun_at; int8_t rows[64]; } camera_t;
enum { CAMERA_UNDERRUN = 7, CAMERA_UNUSABLE = 8 };
int camera_wait_for_row(camera_t *camera, int row, int8_t *dst, uint32_t bytes);
"""
MAIN_C = """\
#include <stdio.h>
#include <string.h>
#include "camera.h"
#include "digits.h"
int classify(camera_t *camera, const int8_t **scores);
int camera_wait_for_row(camera_t *camera, int row, int8_t *dst, uint32_t bytes)
{
    memcpy(dst, camera->rows + (uint32_t)row * bytes, bytes);
    return row != camera->underrun_at;
}
int main(void)
{
    camera_t camera = {.underrun_at = 5};
    const int8_t *scores;
    fread(camera.rows, 1, sizeof camera.rows, stdin);
    const int failed = classify(&camera, &scores);
    camera.underrun_at = -1;
    const int status = classify(&camera, &scores);
    fwrite(scores, 1, DIGITS_OUTPUT_0_BYTES, stdout);
    return failed == CAMERA_UNDERRUN ? status : 99;
}
"""


@pytest.fixture(scope="module")
def digits() -> tuple[Graph, Sources]:
    graph = passes.optimize(frontend.load(DIGITS)).graph
    return graph, emit(graph, front.front(graph, plans.HOST, graph.inputs)[-1].plan, plans.HOST)


def example(number: int = 0) -> str:
    """One of the guide's: of a streamed input, of a streamed output, and of a frame buffer."""
    found = re.findall(r"```c\n(.*?)```", (ROOT / "docs" / "streaming.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 3
    return str(found[number])


def answer_of(sources: Sources, files: Mapping[str, str], values: Sequence[npt.NDArray[Any]], folder: Path) -> bytes:
    """What a user's program around a model writes; it gets the input's bytes."""
    host_model.write(sources, folder)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    units = [*(name for name in files if name.endswith(".c")), *sources.units]
    command = [*host_model.compiler(), *host_model.WARNINGS, *host_model.SANITIZE, "-O1", "-I.", *units, "-o", "t"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "t"], input=values[0].tobytes(), capture_output=True, check=True).stdout


def test_the_example_of_the_guide_works_also_after_an_underrun(digits: tuple[Graph, Sources], tmp_path: Path) -> None:
    graph, sources = digits
    assert sources.name == "digits"
    (image,) = json.loads(sources.files["layers.json"])["inputs"]
    assert (image["row_bytes"], "offset" in image) == (8, False)
    values = host_model.random_inputs(graph, np.random.default_rng(3))
    files = {"camera.h": CAMERA_H, "main.c": MAIN_C, "classify.c": example()}
    assert answer_of(sources, files, values, tmp_path) == host_model.reference_bytes(graph, values)


def test_the_folder_s_own_example_reads_rows(digits: tuple[Graph, Sources], tmp_path: Path) -> None:
    graph, sources = digits
    host_model.write(sources, tmp_path)
    command = [*host_model.compiler(), *host_model.WARNINGS, *host_model.SANITIZE, "-I.", "example_main.c"]
    subprocess.run([*command, *sources.units, "-o", "t"], cwd=tmp_path, check=True)
    values = host_model.random_inputs(graph, np.random.default_rng(4))
    (tmp_path / "in").write_bytes(values[0].tobytes())
    subprocess.run(["./t", "in", "out"], cwd=tmp_path, check=True)
    assert (tmp_path / "out").read_bytes() == host_model.reference_bytes(graph, values)
    (tmp_path / "in").write_bytes(values[0].tobytes()[:-1])
    assert subprocess.run(["./t", "in"], cwd=tmp_path).returncode == 1
    subprocess.run(["./t"], cwd=tmp_path, check=True)
