"""Layers that CMSIS-NN computes, drawn one by one, run many at a time as one model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conformance.cases import CASES
from hypothesis import HealthCheck, Phase, given, settings

from edgekit import boards
from edgekit.builder import build_firmware
from edgekit.builder.cmsis_nn import VARIABLE
from edgekit.profiler import connect, measure
from edgekit.workspace import BuildFolder
from edgekit_codegen.emit import emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D, Padding
from edgekit_codegen.providers import at_once, cmsis, kernel_of
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.target import Target

from .conv_graphs import Case
from .graph_builder import GraphBuilder

KINDS = tuple(cmsis.PROVIDERS["scalar"])

needs_sources = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no copy of CMSIS-NN")


def target(isa: str = "scalar") -> Target:
    return Target("any", (), isa=isa, kernels=cmsis.NAME)


def offered(graph: Graph, isa: str = "scalar") -> bool:
    """Whether CMSIS-NN computes the graph's only operator."""
    (op,) = graph.ops
    return kernel_of(graph, op, target(isa)).provider == cmsis.NAME


def drawn(kind: str, n: int) -> list[Case]:
    """Layers of a kind that CMSIS-NN computes, of `n` that hypothesis draws, every time the same."""
    found: list[Case] = []

    @settings(
        max_examples=n, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=HealthCheck
    )
    @given(CASES[kind](False))
    def collect(case: Case) -> None:
        if offered(case.graph):
            found.append(case)

    collect()
    return found


def single_rows() -> list[Case]:
    """Convolutions of images of one row, for which MVE has a function of its own, with all sorts of ends."""
    rng, found = np.random.default_rng(5), []
    for width, kernel, stride, left, right in product((1, 2, 5, 11), (2, 3, 5), (1, 2, 3), (0, 1, 2), (0, 1, 3)):
        if max(left, right) < kernel and width + left + right >= kernel:
            b = GraphBuilder(len(found))
            x = b.input((1, 1, width, 4))
            attrs = Conv2D((1, stride), padding=Padding(0, 0, left, right))
            graph = b.graph(b.conv2d(x, 3, (1, kernel), attrs))
            found.append(Case(graph, (rng.integers(-128, 128, (1, 1, width, 4)).astype(np.int8),)))
    return found


def joined(graphs: Sequence[Graph]) -> Graph:
    """One graph that holds them all, side by side."""
    tensors, ops, inputs, outputs = {}, [], [], []
    for number, graph in enumerate(graphs):
        first = len(tensors)
        new = {ident: first + n for n, ident in enumerate(graph.tensors)}
        for ident, tensor in graph.tensors.items():
            tensors[new[ident]] = replace(tensor, id=new[ident], name=f"{tensor.name}_{number}")
        for op in graph.ops:
            taken = tuple(None if i is None else new[i] for i in op.inputs)
            ops.append(replace(op, inputs=taken, outputs=tuple(new[i] for i in op.outputs)))
        inputs += [new[i] for i in graph.inputs]
        outputs += [new[i] for i in graph.outputs]
    return Graph("joined", tensors, tuple(ops), tuple(inputs), tuple(outputs))


def wrong(cases: Sequence[Case], board_name: str, out: Path) -> Iterator[str]:
    """The layers whose output on a board, emulated where it is none of this machine, is not the reference's."""
    graph, board = joined([case.graph for case in cases]), boards.load(board_name)
    values = [value for case in cases for value in case.inputs]
    for (op, answer), expected in zip(_answers(graph, values, board, out), _expected(graph, values), strict=True):
        if answer.tobytes() != expected.tobytes():
            case = cases[graph.ops.index(op)]
            yield f"{op.kind} {op.attrs} of {[t.shape for t in case.graph.tensors.values()]}"


def _expected(graph: Graph, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
    from edgekit_codegen import reference

    return reference.run(graph, list(values))


def _answers(graph: Graph, values: Sequence[npt.NDArray[Any]], board: Any, out: Path) -> Iterator[Any]:
    chosen = boards.target(board, cmsis.NAME)
    plan = make_plan(graph, layerwise.schedule(graph, at_once(graph, chosen)), chosen)
    validate(graph, plan, chosen)
    made = build_firmware(emit(graph, plan, chosen), board, out)
    folder = BuildFolder(out, board.name, "int8", made.build_id, made.elf, graph.name)
    with connect(folder, board, emulate=not board.is_host, port=None, timeout=300) as connection:
        outputs = measure(connection, folder, graph, values).outputs
    yield from zip(graph.ops, outputs, strict=True)
