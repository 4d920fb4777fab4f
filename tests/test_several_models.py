"""Two models in one program, and models with several inputs and outputs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from support import host_model, plans
from support.graph_builder import GraphBuilder
from support.models import model_path

from edgekit.frontend import load
from edgekit_codegen.emit import EmitOptions, emit
from edgekit_codegen.ir import Graph, Quant
from edgekit_codegen.passes import optimize

MAIN = """
#include <stdio.h>
#include "first.h"
#include "second.h"

static _Alignas(32) uint8_t memory[%d];

static int run(const ek_model_t *model, void *arena)
{
    const ek_ctx_t ctx = {.region = {arena}};
    int failed = model->init(&ctx);
    for (int i = 0; i < model->n_inputs; ++i) {
        failed |= fread((uint8_t *)arena + model->inputs[i].offset, model->inputs[i].bytes, 1, stdin) != 1;
    }
    failed |= model->invoke(&ctx);
    for (int i = 0; i < model->n_outputs; ++i) {
        failed |= fwrite((uint8_t *)arena + model->outputs[i].offset, model->outputs[i].bytes, 1, stdout) != 1;
    }
    return failed;
}

int main(void)
{
    int failed = 0;
    for (int i = 0; i < 3; ++i) {
        failed |= run(&first_model, memory);
        failed |= run(&second_model, memory + %d);
    }
    return failed;
}
"""


@pytest.mark.parametrize("shared", [False, True], ids=["an arena each", "one arena"])
def test_two_models_take_turns_in_one_program(tmp_path: Path, shared: bool) -> None:
    """They share the kernels' headers and nothing else; where they take turns they may share their memory."""
    graphs = [optimize(load(model_path(name))).graph for name in ("mlperf_tiny_ad", "mlperf_tiny_kws")]
    sizes = []
    for name, graph in zip(("first", "second"), graphs, strict=True):
        plan = plans.plan(graph, plans.HOST)
        sizes.append(-(-plan.arena_bytes // 32) * 32)
        host_model.write(emit(graph, plan, plans.HOST, EmitOptions(name=name)), tmp_path)
    total, second = (max(sizes), 0) if shared else (sum(sizes), sizes[0])
    (tmp_path / "main.c").write_text(MAIN % (total, second))
    flags = [*host_model.WARNINGS, *host_model.SANITIZE, "-O1", "-I."]
    command = [*host_model.compiler(), *flags, "main.c", "first.c", "second.c", "-o", "both"]
    subprocess.run(command, cwd=tmp_path, check=True)
    rng = np.random.default_rng(5)
    rounds = [(graph, host_model.random_inputs(graph, rng)) for _ in range(3) for graph in graphs]
    data = b"".join(value.tobytes() for _, inputs in rounds for value in inputs)
    done = subprocess.run(["./both"], cwd=tmp_path, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"".join(host_model.reference_bytes(graph, inputs) for graph, inputs in rounds)


def crossing() -> Graph:
    """Three inputs of different sizes and scales; outputs in the middle and at the end, one straight from an input."""
    b = GraphBuilder(11)
    image, other, vector = b.input((1, 6, 5, 3)), b.input((1, 6, 5, 4), Quant((0.25,), (9,))), b.input((1, 7))
    features = b.conv2d(image, 4, (1, 1))
    total = b.add(features, other)
    scores = b.fully_connected(vector, 3, 7)
    return b.graph(total, b.relu(scores), b.mean(total, (1, 2)), b.reshape(vector, (7, 1)))


def test_every_input_and_output_of_a_model_is_where_it_says(tmp_path: Path) -> None:
    graph = optimize(crossing()).graph
    sources = emit(graph, plans.plan(graph, plans.HOST), plans.HOST, EmitOptions(name="crossing"))
    model = host_model.build(sources, graph, tmp_path)
    rng = np.random.default_rng(3)
    inferences = [host_model.random_inputs(graph, rng) for _ in range(4)]
    assert model.run(inferences) == [host_model.reference_bytes(graph, inputs) for inputs in inferences]
