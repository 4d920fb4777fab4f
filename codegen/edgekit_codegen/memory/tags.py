"""The arena that plans and kernels are checked on: every byte carries the tag of the tensor byte written there last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidPlan
from ..ir.region import Box
from ..ir.types import Graph, TensorId
from ..ops import TABLE
from ..ops.record import Overlap
from .plan import Plan, Scratch, Storage

Tags = npt.NDArray[np.int64]

NOTHING, SCRATCH = -1, -2  # tags; a tensor's bytes have tags >= 0


class TaggedArena:
    """One inference's arena; nothing is written yet.

    tags     of all bytes, one region behind the other
    regions  views of `tags`, one per region of the plan

    Raises InvalidPlan where a tensor has no storage, or rows, pixels or channels are asked for that it does not hold.
    """

    def __init__(self, graph: Graph, plan: Plan) -> None:
        used = [use.used for use in plan.regions]
        self.tags: Tags = np.full(sum(used), NOTHING, np.int64)
        self.regions: list[Tags] = np.split(self.tags, np.cumsum(used)[:-1]) if used else []
        self._graph = graph
        self._storages = {s.tensor: s for s in plan.storages}
        self._first = _first_tags(graph)

    def storage(self, ident: TensorId) -> Storage:
        if ident not in self._storages:
            raise InvalidPlan("plan.invalid", f"'{self._graph.tensors[ident].name}' has no storage")
        return self._storages[ident]

    def scratch(self, s: Scratch) -> Tags:
        """The tags of a scratch's bytes, to be changed."""
        return self.regions[s.region][s.offset : s.offset + s.size]

    def whole(self, ident: TensorId) -> Box:
        return Box.of(self._graph.tensors[ident].hwc)

    def write(self, ident: TensorId, box: Box) -> None:
        """The part of a tensor is computed, or arrives."""
        for region, address, tags in self.rows(ident, box):
            self.regions[region][address] = tags

    def holds(self, ident: TensorId, box: Box) -> bool:
        """Whether every byte of the part of a tensor is the one that was written for it."""
        return all(np.array_equal(self.regions[r][address], tags) for r, address, tags in self.rows(ident, box))

    def rows(self, ident: TensorId, box: Box) -> Iterator[tuple[int, Any, Tags]]:
        """Per row of the box: the region, the addresses of its bytes in it, and the tags that belong there."""
        if box.empty:
            return
        tensor, s = self._graph.tensors[ident], self.storage(ident)
        held, e = s.box, tensor.dtype.size
        if min(box.x0 - held.x0, held.x1 - box.x1, box.c0 - held.c0, held.c1 - box.c1) < 0:
            raise InvalidPlan("plan.invalid", f"'{tensor.name}': {box} reaches outside its storage's {held}")
        _, pixels, channels = tensor.hwc
        x = np.arange(box.x0, box.x1)[:, None]
        c = np.arange(box.c0 * e, box.c1 * e)
        address = ((x - held.x0) * (held.c1 - held.c0) * e + c - held.c0 * e).ravel()
        tags = (x * channels * e + c).ravel() + self._first[ident]
        for y in range(box.y0, box.y1):
            if not held.y0 <= y < held.y1:
                message = f"'{tensor.name}': row {y} lies outside its storage's rows {held.y0} .. {held.y1 - 1}"
                raise InvalidPlan("plan.invalid", message)
            yield s.region, address + s.offsets[y % s.slots], tags + y * pixels * channels * e

    def describe(self, tag: int) -> str:
        """What a tag stands for, in words; a view's bytes are told as those of the tensor that it shows."""
        if tag < 0:
            return "scratch" if tag == SCRATCH else "nothing written yet"
        ident = next(i for i, first in self._first.items() if 0 <= tag - first < self._graph.tensors[i].bytes)
        tensor = self._graph.tensors[ident]
        _, pixels, channels = tensor.hwc
        element = (tag - self._first[ident]) // tensor.dtype.size
        row, rest = divmod(element, pixels * channels)
        return f"row {row}, pixel {rest // channels}, channel {rest % channels} of '{tensor.name}'"


def _first_tags(graph: Graph) -> dict[TensorId, int]:
    """The tag of byte 0 of every activation; a view has the tags of what it shows."""
    tags: dict[TensorId, int] = {}
    free = 0
    views = {op.outputs[0]: op.inputs[0] for op in graph.ops if TABLE[op.kind].overlap is Overlap.VIEW}
    for ident in (*graph.inputs, *(i for op in graph.ops for i in op.outputs)):
        source = views.get(ident)
        if source is not None and source in tags:
            tags[ident] = tags[source]
        else:
            tags[ident] = free
            free += graph.tensors[ident].bytes
    return tags
