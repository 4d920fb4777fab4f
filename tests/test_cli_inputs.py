"""A model with several inputs and outputs, from its file to what `edgekit run` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.command_line import edgekit
from support.graph_builder import GraphBuilder
from support.host_model import random_inputs

from edgekit.export import tflite
from edgekit_codegen import reference
from edgekit_codegen.ir import Quant


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GraphBuilder, tuple[int, int]]:
    """A model of two inputs and two outputs, built for this computer."""
    folder = tmp_path_factory.mktemp("crossing")
    b = GraphBuilder(7)
    image, other = b.input((1, 6, 5, 3)), b.input((1, 6, 5, 4), Quant((0.25,), (9,)))
    total = b.add(b.conv2d(image, 4, (1, 1)), other)
    outputs = (total, b.mean(total, (1, 2)))
    (folder / "crossing.tflite").write_bytes(tflite.dump(b.graph(*outputs)))
    done = edgekit("build", "crossing.tflite", "--board", "host", "-o", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, b, outputs


def test_every_input_is_a_file_and_every_output_becomes_one(
    built: tuple[Path, GraphBuilder, tuple[int, int]], tmp_path: Path
) -> None:
    folder, b, outputs = built
    graph = b.graph(*outputs)
    values = random_inputs(graph, np.random.default_rng(1))
    files = [tmp_path / f"{i}.npy" for i in range(2)]
    for file, value in zip(files, values, strict=True):
        np.save(file, value)
    flags = [part for file in files for part in ("--input", file)]
    done = edgekit("run", folder / "out", *flags, "--output", "y.npy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for file, expected in zip(("y.npy", "y-1.npy"), reference.run(graph, values), strict=True):
        np.testing.assert_array_equal(np.load(tmp_path / file), expected)


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_files_is_refused(
    built: tuple[Path, GraphBuilder, tuple[int, int]], tmp_path: Path, count: int
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 6, 5, 3), np.int8))
    done = edgekit("run", built[0] / "out", *["--input", "x.npy"] * count, cwd=tmp_path)
    assert done.returncode == 2
    assert f"2 inputs (tensor_0, tensor_1), {count} files were given" in " ".join(done.stderr.split())
