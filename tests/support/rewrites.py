"""optimize, with everything it promises checked."""

from __future__ import annotations

import numpy as np

from edgekit_codegen.ir import DType, Graph
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.passes import Optimized, macs, optimize
from edgekit_codegen.reference import run


def values(graph: Graph, seed: int) -> list[np.ndarray]:
    """One value per input; float inputs reach beyond what int8 holds."""
    rng = np.random.default_rng(seed)
    shapes = [graph.tensors[i] for i in graph.inputs]
    return [
        rng.normal(0, 8, t.shape).astype(np.float32)
        if t.dtype is DType.FLOAT32
        else rng.integers(-128, 128, t.shape).astype(np.int8)
        for t in shapes
    ]


def optimized(graph: Graph) -> Optimized:
    """optimize, with everything it promises checked."""
    result = optimize(graph)
    verify(result.graph, "the test")
    assert (result.graph.inputs, result.graph.outputs) == (graph.inputs, graph.outputs)
    for ident in (*graph.inputs, *graph.outputs):
        before, after = graph.tensors[ident], result.graph.tensors[ident]
        assert (before.shape, before.dtype, before.quant) == (after.shape, after.dtype, after.quant)
    assert (result.steps[0].macs_before, result.steps[-1].macs_after) == (macs(graph), macs(result.graph))
    for seed in range(2):
        inputs = values(graph, seed)
        for before, after in zip(run(graph, inputs), run(result.graph, inputs), strict=True):
            np.testing.assert_array_equal(before, after)
    return result


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def changes(result: Optimized) -> list[str]:
    return [line for step in result.steps for line in step.changed]
