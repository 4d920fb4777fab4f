"""Branch and bound over packings in which every buffer lies at 0 or as near above another as their lives allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..schedule.reach import Index
from .problem import Packing, Problem


def search(problem: Problem, best: Packing, budget: int) -> Packing:
    """Depth first over packings in which every buffer lies at 0 or as near above another as their lives allow.

    Buffers are placed by rising (offset, index), so each packing is visited once. A node is left when its bound
    reaches the best height so far, and a buffer is not placed where another one would still fit below it.
    """
    n = len(problem.size)
    start = _Node(np.full(n, -1, np.int64), np.zeros(n, np.int64), np.zeros(problem.need.shape[1], np.int64), 0, 0, -1)
    stack: list[Iterator[_Node]] = [iter([start])]
    while stack and budget > 0 and best.height > problem.lower_bound:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        budget -= 1
        open_ = node.offset < 0
        if not open_.any():
            if node.height < best.height:
                best = Packing(tuple(node.offset.tolist()), node.height)
            continue
        rest = open_.astype(np.int64) @ problem.need
        bound = np.where(rest > 0, np.maximum(node.top, node.level) + rest, 0).max()
        if max(bound, node.height) < best.height:
            stack.append(_children(problem, node, open_))
    return best


def _children(problem: Problem, node: _Node, open_: npt.NDArray[np.bool_]) -> Iterator[_Node]:
    ceiling = int((node.floor + problem.size)[open_].min())
    index = np.arange(len(problem.size))
    later = (node.floor > node.level) | ((node.floor == node.level) & (index > node.index))
    chosen = np.flatnonzero(open_ & later & (node.floor < ceiling)).tolist()
    chosen.sort(key=lambda i: (node.floor[i], -problem.size[i], i))
    return (_place(problem, node, i) for i in chosen)


def _place(problem: Problem, node: _Node, i: int) -> _Node:
    base = int(node.floor[i])
    end = base + int(problem.size[i])
    offset = node.offset.copy()
    offset[i] = base
    floor = np.maximum(node.floor, base + problem.clearance[i])
    top = np.where((problem.need[i] > 0), np.maximum(node.top, end), node.top) if problem.solid[i] else node.top
    return _Node(offset, floor, top, max(node.height, end), base, i)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A partial packing.

    offset  per buffer, -1 where it is not placed yet
    floor   per buffer, the lowest address above the placed buffers that it may not share bytes with
    top     per time, the top of the placed buffers of one piece that are live then
    height  the top of all placed buffers
    level   offset and index of the buffer placed last
    """

    offset: Index
    floor: Index
    top: Index
    height: int
    level: int
    index: int
