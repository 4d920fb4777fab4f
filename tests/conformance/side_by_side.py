"""Many operators in one model that have nothing to do with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.conv_graphs import Case

from conformance.cases import CASES
from edgekit_codegen.emit.model import MAX_RANK
from edgekit_codegen.ir import DType, Graph, Op, Tensor
from edgekit_codegen.ir.verify import verify


def side_by_side(cases: Sequence[Case]) -> Graph:
    """One model: inputs and outputs case by case."""
    tensors: dict[int, Tensor] = {}
    ops: list[Op] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for index, case in enumerate(cases):
        graph, base = case.graph, len(tensors)
        new = {ident: base + i for i, ident in enumerate(graph.tensors)}
        tensors |= {new[i]: replace(t, id=new[i]) for i, t in graph.tensors.items()}
        named = tuple(None if i is None else new[i] for i in case.op.inputs)
        ops.append(Op(case.op.kind, named, tuple(new[i] for i in case.op.outputs), case.op.attrs, (index,)))
        inputs += [new[i] for i in graph.inputs]
        outputs += [new[i] for i in graph.outputs]
    return verify(Graph("batch", tensors, tuple(ops), tuple(inputs), tuple(outputs)), "the test")


def with_an_interface(kind: str) -> st.SearchStrategy[Case]:
    """Cases whose inputs and outputs may be those of generated C."""
    return CASES[kind](False).filter(_has_an_interface)


def _has_an_interface(case: Case) -> bool:
    ends = [case.graph.tensors[i] for i in (*case.graph.inputs, *case.graph.outputs)]
    return all(len(t.shape) <= MAX_RANK and t.dtype is not DType.INT64 for t in ends)


def drawn(cases: st.SearchStrategy[Case], count: int) -> list[Case]:
    """That many, the same ones every time."""
    found: list[Case] = []

    @settings(max_examples=count, phases=[Phase.generate], derandomize=True)
    @given(cases)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


def one_of_each() -> Graph:
    """One operator of every kind, the last of a few that are drawn: the first ones are the simplest."""
    return side_by_side([drawn(with_an_interface(kind), 4)[-1] for kind in CASES])
