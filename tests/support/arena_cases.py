"""Small graphs whose inference is replayed: the forms of every operator kind, and ones that show a certain mistake."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from pathlib import Path

import numpy as np
from conformance.side_by_side import drawn, side_by_side, with_an_interface

from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import Plan
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import (
    Concatenation,
    DepthwiseConv2D,
    Gather,
    Maximum,
    Resize,
    StridedSlice,
)
from edgekit_codegen.ops.record import Rows, Window

from . import host_model, plans
from .arena_images import Values, replay_bare
from .arena_replay import ArenaReplay
from .conv_graphs import Case
from .graph_builder import GraphBuilder

DRAWN, LARGEST = 75, 1500  # cases that are drawn of a kind; bytes that one may have
PER_FORM, CHOSEN = 2, 8  # cases that are taken of a form, and of a kind


def inputs(graph: Graph) -> Values:
    return host_model.random_inputs(graph, np.random.default_rng(5))


def replayed(
    graph: Graph,
    plan: Plan,
    folder: Path,
    core: str = "cortex-m7",
    values: Values | None = None,
    change: Callable[[Sources], Sources] = lambda s: s,
) -> ArenaReplay:
    """A small image's inference, held against its plan."""
    sources = change(emit(graph, plan, plans.HOST))
    return replay_bare(graph, plan, sources, folder, inputs(graph) if values is None else values, core)


@cache
def every_form(kind: str) -> tuple[Graph, Values]:
    """Operators of a kind side by side, and their inputs: as many forms of access as are drawn, those first whose
    tensors have several rows, pixels and channels."""
    if kind == "reshape":  # which runs no code, so that others have to find what it shows
        b = GraphBuilder()
        graph = b.graph(b.relu(b.reshape(b.relu(b.input((1, 6, 5, 3))), (1, 3, 5, 6))))
        return graph, inputs(graph)
    by_form: dict[Hashable, list[Case]] = {}
    fitting = (case for case in drawn(with_an_interface(kind), DRAWN) if _bytes(case) <= LARGEST)
    for case in sorted(fitting, key=_dimensions, reverse=True):
        by_form.setdefault(_form(case), []).append(case)
    best = [case for cases in by_form.values() for case in cases[:PER_FORM]]
    cases = sorted(best, key=_dimensions, reverse=True)[:CHOSEN]
    assert _dimensions(cases[0]) >= 5, f"no {kind} of several rows, pixels and channels is drawn"
    return side_by_side(cases), [value for case in cases for value in case.inputs]


def _bytes(case: Case) -> int:
    return sum(value.nbytes for value in case.inputs) + case.graph.result(case.op).bytes


def _dimensions(case: Case) -> int:
    """How many of the rows, pixels and channels of the first input and of the output are more than one."""
    ends = case.graph.tensors[case.graph.inputs[0]], case.graph.result(case.op)
    return sum(size > 1 for tensor in ends for size in tensor.hwc)


def _form(case: Case) -> Hashable:
    """How rows are found: one form may still have all kinds of sizes."""
    record, graph = TABLE[case.op.kind], case.graph
    access = record.access(graph, case.op)
    if isinstance(access, Window):
        more = access.kernel > 1, access.pad > 0, access.dilation > 1, access.stride > 1, (access.up or 1) > 1
        return Window, access.images is not None, *more
    if not isinstance(access, Rows):
        return type(access)
    pixels = graph.result(case.op).hwc[1:]
    operands = list(zip(access.maps, record.operands(graph, case.op), strict=True))
    return Rows, *((type(rows), x.is_constant, x.hwc[1:] == pixels) for rows, x in operands[:2])


def of_kind(kind: str) -> Graph:
    """The smallest graph in which an operator meets borders, strides, repeated rows, or rows that share bytes with its
    input."""
    b = GraphBuilder()
    x = b.input((1, 6, 5, 3))
    if kind == "depthwise_conv2d":
        y = b.depthwise(x, attrs=DepthwiseConv2D((2, 1), padding=plans.SAME, multiplier=2))
        return b.graph(b.depthwise(y, attrs=DepthwiseConv2D(padding=plans.SAME)))
    single = {
        "add": lambda: b.add(b.relu(x), x),
        "average_pool2d": lambda: b.pool("average", x, (3, 3), (2, 2), plans.SAME),
        "gather": lambda: b.apply("gather", (x, b.constant(np.array([[[4, 0]]], np.int32), None)), Gather()),
        "max_pool2d": lambda: b.pool("max", x, (3, 3), (2, 2), plans.SAME),
        "maximum": lambda: b.apply("maximum", (b.input((2, 6, 5, 3)), x), Maximum()),
        "mean": lambda: b.mean(x, (1, 2)),
        "pad": lambda: b.pad(x, 1, 2, 1, 0, 2),
        "relu": lambda: b.relu(x, quant=plans.OTHER),
        "resize_nearest_neighbor": lambda: b.apply("resize_nearest_neighbor", (x,), Resize((9, 5))),
        "softmax": lambda: b.softmax(x),
        "transpose": lambda: b.transpose(x, (0, 3, 1, 2)),
    }
    return b.graph(single[kind]())


def images() -> Graph:
    """Windows over three images, each with padding of its own."""
    b = GraphBuilder()
    return b.graph(b.pool("max", b.input((3, 4, 5, 2)), (3, 3), (1, 1), plans.SAME))


def joined() -> Graph:
    """Two RELUs that write the parts of a concatenation, which does not run; a slice of it, which does not either."""
    b = GraphBuilder()
    parts = tuple(b.relu(b.input((1, 4, 4)), quant=plans.OTHER) for _ in range(2))
    whole = b.apply("concatenation", parts, Concatenation(1))
    return b.graph(b.relu(b.apply("strided_slice", (whole,), StridedSlice((0, 2, 0), (1, 4, 4), (1, 1, 1)))), whole)
