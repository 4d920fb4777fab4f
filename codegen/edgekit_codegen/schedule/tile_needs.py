"""What tiles compute and take, in closed form: the estimates of the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..ir.types import Graph
from ..ops import TABLE
from . import tiles
from .extent import Extent, Region
from .sliding import Sliding
from .tiles import Member


def row_bytes(graph: Graph, index: int) -> int:
    """Bytes of a row of what an operator writes."""
    tensor = tiles.result(graph, index)
    return tensor.bytes // tensor.hwc[0]


def clipped(extent: Extent, turns: int, end: int) -> Iterator[tuple[int, int]]:
    """How many rows or pixels are computed in a turn, without those outside the tensor, and in how many turns."""
    begin = 0
    while begin < turns and (first := extent.first + extent.step * begin) < 0:
        yield max(min(first + extent.size, end), 0), 1
        begin += 1
    after = turns
    while after > begin and (first := extent.first + extent.step * (after - 1)) + extent.size > end:
        yield max(end - first, 0), 1
        after -= 1
    yield extent.size, after - begin


def taken(graph: Graph, member: Member, regions: Mapping[int, Region], slid: Sliding | None = None) -> int:
    """The most bytes of tiles, and scratch, that are there while the operators run one after the other; of tiles that
    slide, all the time."""
    places = {graph.ops[index].outputs[0]: place for place, index in enumerate(member.ops[:-1])}
    ends = dict(places)
    for place, index in enumerate(member.ops):
        ends.update((i, place) for i in graph.ops[index].inputs if i in places)
    always, sizes = set(), {}
    for ident, begin in places.items():
        (down, across), tensor, width = regions[member.ops[begin]], graph.tensors[ident], 0
        if slid is not None:
            columns = slid.columns[member.ops[begin]]
            width = columns.held.size
            always.update([ident] if columns.kept is not None else [])
        sizes[ident] = min(down.size, tensor.hwc[0]) * (width or across.size) * tensor.hwc[2] * tensor.dtype.size
    most = 0
    for place, index in enumerate(member.ops):
        held = TABLE[graph.ops[index].kind].scratch(graph, graph.ops[index])
        held += sum(sizes[i] for i, begin in places.items() if i in always or begin <= place <= ends[i])
        most = max(most, held)
    return most
