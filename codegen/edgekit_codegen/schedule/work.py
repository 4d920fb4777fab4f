"""How much a schedule computes, and what it costs beyond layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph
from ..ops import TABLE
from ..prices import Price, Pricing, over_input, price
from . import walk
from .types import Affine, Copy, Due, Keep, Loop, Node, Pull, Push, Run, Schedule, Slide

CALL = 30
"""Instructions, about, to call a layer for one row."""

TURN = 8
"""Instructions, about, to find out whether something is due in an iteration."""

COPY = 1.0
"""Instructions, about, to copy a byte."""

Loops = Mapping[str, int]
"""The loop variables around a node, and how many values each takes."""


def mac_factor(graph: Graph, schedule: Schedule) -> float:
    """Multiply-accumulates that a schedule executes by those of the operators that it runs."""
    once = {op: TABLE[graph.ops[op].kind].macs(graph, graph.ops[op]) for op in walk.layers(schedule)}
    executed = sum(
        once[leaf.op] * times(graph, leaf, loops) for leaf, loops in _leaves(schedule) if isinstance(leaf, Run)
    )
    return executed / sum(once.values()) if any(once.values()) else 1.0


def overhead(graph: Graph, schedule: Schedule, pricing: Pricing = price) -> int:
    """Instructions, about, that a schedule needs beyond those of layer by layer."""
    total = 0.0
    for node in walk.nodes(schedule):
        if isinstance(node, Loop):
            total += TURN * node.n * sum(isinstance(child, Due) for child in node.body)
    for leaf, loops in _leaves(schedule):
        if isinstance(leaf, Copy):
            tensor = graph.tensors[leaf.tensor]
            total += math.prod(loops.values()) * (CALL + COPY * leaf.rows * tensor.bytes / tensor.hwc[0])
        elif isinstance(leaf, Slide | Keep):
            total += math.prod(loops.values()) * (CALL + COPY * slid_bytes(graph, leaf))
        elif isinstance(leaf, Pull | Push):
            total += CALL * graph.tensors[leaf.tensor].hwc[0]
        elif isinstance(leaf, Run) and leaf.planar:
            total += over_input(graph, graph.ops[leaf.op])
        elif isinstance(leaf, Run) and loops:
            rows, pixels, _ = graph.result(graph.ops[leaf.op]).hwc
            priced = pricing(graph, graph.ops[leaf.op])
            total += _executed(graph, leaf, loops, priced) - rows * priced.of(pixels)
    return round(total)


def slid_bytes(graph: Graph, move: Slide | Keep) -> int:
    """Bytes that move each time, pixels outside the tensor included."""
    tensor = graph.tensors[move.tensor]
    return move.rows * (move.x1.const - move.x0.const) * tensor.hwc[2] * tensor.dtype.size


def _leaves(schedule: Schedule) -> Iterator[tuple[Node, Loops]]:
    for node in walk.nodes(schedule):
        yield from _within(node, {})


def _within(node: Node, loops: Loops) -> Iterator[tuple[Node, Loops]]:
    if isinstance(node, Loop | Due):
        around = {**loops, node.var: node.n}
        if isinstance(node, Due):
            del around[node.of]
        for child in node.body:
            yield from _within(child, around)
    else:
        yield node, loops


def times(graph: Graph, run: Run, loops: Loops) -> float:
    """How often, on average, a Run computes each element of its output."""
    op, b = graph.ops[run.op], run.box
    if run.adds:
        return 1.0
    sizes, bounds = graph.result(op).hwc, ((b.y0, b.y1), (b.x0, b.x1), (b.c0, b.c1))
    moving = {var for begin, _ in bounds for var, _ in begin.terms}
    share = float(np.prod([n for var, n in loops.items() if var not in moving], dtype=np.float64))
    for (begin, end), size in zip(bounds, sizes, strict=True):
        share *= _covered(begin, end, size, loops) / size
    return share


def _executed(graph: Graph, run: Run, loops: Loops, priced: Price) -> float:
    """Instructions, about, of all calls of a kernel: one for every row, or for every part of it."""
    op = graph.ops[run.op]
    rows, pixels, _ = graph.result(op).hwc
    if run.adds:
        return CALL * graph.operand(op, 0).hwc[0] + rows * priced.of(pixels)
    moving = {var for begin in (run.box.y0, run.box.x0) for var, _ in begin.terms}
    again = math.prod(n for var, n in loops.items() if var not in moving)
    row = sum(CALL + priced.of(int(width)) for width in _sizes(run.box.x0, run.box.x1, pixels, loops))
    return again * _covered(run.box.y0, run.box.y1, rows, loops) * row


def _covered(begin: Affine, end: Affine, size: int, loops: Loops) -> int:
    """Rows, pixels or channels from `begin` to `end`, clipped to the tensor, in all iterations of the loops that move
    them."""
    return int(_sizes(begin, end, size, loops).sum())


def _sizes(begin: Affine, end: Affine, size: int, loops: Loops) -> npt.NDArray[np.int64]:
    """The same for each iteration."""
    low, high = np.array([begin.const]), np.array([end.const])
    for var, k in begin.terms:
        steps = k * np.arange(loops[var])
        low, high = (low[:, None] + steps).ravel(), (high[:, None] + steps).ravel()
    sizes: npt.NDArray[np.int64] = np.clip(high, 0, size) - np.clip(low, 0, size)
    return sizes
