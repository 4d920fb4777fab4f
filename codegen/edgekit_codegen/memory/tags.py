"""The arena that plans and kernels are checked on: every byte carries the tag of the tensor byte written there last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidPlan
from ..ir.region import Box
from ..ir.types import Graph, Op, TensorId
from ..ops import TABLE
from ..reference import function
from ..schedule import walk
from ..schedule.types import Env
from .plan import Plan, Scratch, Storage, Strip

Tags = npt.NDArray[np.int64]

MOVING = ("strided_slice", "concatenation")  # besides reshape; of int8, so that an element is a byte
NOTHING, SCRATCH, SUMS = -1, -2, -3  # tags, SUMS and all below for sums; a tensor's bytes have tags >= 0
NO_LOOP: Env = {}


class Lies(NamedTuple):
    """Where some rows of a tensor are, that follow each other.

    held     what there is of the tensor
    region   of the rows
    offsets  of each row, or of what a tile has of it, in bytes
    pitch    bytes from one row to the next
    """

    held: Box
    region: int
    offsets: Tags
    pitch: int


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
        self._offsets = {s.tensor: np.array(s.offsets, np.int64) for s in plan.storages}
        self._fresh: dict[TensorId, frozenset[int]] = {}
        self._first = _first_tags(graph)
        self._tags = _tensor_tags(graph, self._first, frozenset(walk.layers(plan.schedule)))

    def storage(self, ident: TensorId) -> Storage:
        if ident not in self._storages:
            raise InvalidPlan("plan.invalid", f"'{self._graph.tensors[ident].name}' has no storage")
        return self._storages[ident]

    def scratch(self, s: Scratch) -> Tags:
        """The tags of a scratch's bytes, to be changed."""
        return self.regions[s.region][s.offset : s.offset + s.size]

    def whole(self, ident: TensorId) -> Box:
        return Box.of(self._graph.tensors[ident].hwc)

    def place(self, ident: TensorId, y: int, env: Env = NO_LOOP) -> tuple[int, int]:
        """Region and offset of a row now; of one in a tile, of what the tile has of it."""
        lies = self._lies(ident, y, y + 1, env)
        return lies.region, int(lies.offsets[0])

    def pitch(self, ident: TensorId, y: int, env: Env = NO_LOOP) -> int:
        """Bytes from that row to the next, where it is now."""
        return self._lies(ident, y, y + 1, env).pitch

    def places(self, ident: TensorId, y0: int, y1: int, env: Env = NO_LOOP) -> Iterator[Lies]:
        """Where rows are now: all of them, or one after the other where some may lie elsewhere than others."""
        s = self.storage(ident)
        if s.strip is None and not self._fresh.get(ident):
            yield self._lies(ident, y0, y1, env)
        else:
            yield from (self._lies(ident, y, y + 1, env) for y in range(y0, y1))

    def _lies(self, ident: TensorId, y0: int, y1: int, env: Env) -> Lies:
        s = self.storage(ident)
        if s.strip is not None and self._in_strip(s.strip, y0, env):
            left, pitch = s.strip.x.at(env), s.strip.pixels * (s.box.c1 - s.box.c0)
            pitch *= self._graph.tensors[ident].dtype.size
            offset = s.strip.offset + (y0 - s.strip.y.at(env)) * pitch
            return Lies(_columns(s.box, left, left + s.strip.pixels), s.strip.region, np.array([offset]), pitch)
        left = s.first.at(env) if s.first.terms else s.first.const
        held = _columns(s.box, s.box.x0 + left, s.box.x1 + left) if left else s.box
        if s.fresh is not None and y0 in self._fresh.get(ident, ()):
            return Lies(held, s.fresh.region, np.array([s.fresh.offset + y0 % s.fresh.rows * s.pitch]), s.pitch)
        return Lies(held, s.region, self._offsets[ident][np.arange(y0, y1) % s.slots], s.pitch)

    def _in_strip(self, strip: Strip, y: int, env: Env) -> bool:
        """Whether a row is one of those that a tile is computing."""
        return bool(env) and 0 <= y - strip.y.at(env) < strip.rows

    def begin(self, ident: TensorId, y: int) -> None:
        """The row is about to be written; where it is not written to its slot, it is new from now on, with the others
        of its turn."""
        fresh = self.storage(ident).fresh
        if fresh is not None:
            turn = (row for row in self._fresh.get(ident, ()) if row // fresh.rows == y // fresh.rows)
            self._fresh[ident] = frozenset((*turn, y))

    def move(self, ident: TensorId, y: int) -> None:
        """The row is in its slot from now on, if it was not before."""
        self._fresh[ident] = self._fresh.get(ident, frozenset()) - {y}

    def sums(self, op: int, pixels: int) -> int:
        """The tag of an operator's sums when they hold so many pixels of its input."""
        return SUMS - op - pixels * len(self._graph.ops)

    def write(self, ident: TensorId, box: Box, env: Env = NO_LOOP) -> None:
        """The part of a tensor is computed, or arrives. env: the loops' variables then."""
        self.begin(ident, box.y0)
        for region, address, tags in self.rows(ident, box, env):
            self.regions[region][address] = tags

    def holds(self, ident: TensorId, box: Box, env: Env = NO_LOOP) -> bool:
        """Whether every byte of the part of a tensor is the one that was written for it."""
        return all(np.array_equal(self.regions[r][address], tags) for r, address, tags in self.rows(ident, box, env))

    def rows(self, ident: TensorId, box: Box, env: Env = NO_LOOP) -> Iterator[tuple[int, Tags, Tags]]:
        """Of some rows of the box at a time: their region, the addresses of their bytes in it, and the tags that belong
        there."""
        if box.empty:
            return
        tensor, y = self._graph.tensors[ident], box.y0
        e = tensor.dtype.size
        x, c = np.arange(box.x0, box.x1)[:, None], np.arange(box.c0 * e, box.c1 * e)
        tags = self._tags[ident][:, box.x0 : box.x1, box.c0 * e : box.c1 * e]
        for held, region, offsets, _ in self.places(ident, box.y0, box.y1, env):
            if min(box.x0 - held.x0, held.x1 - box.x1, box.c0 - held.c0, held.c1 - box.c1) < 0:
                raise InvalidPlan("plan.invalid", f"'{tensor.name}': {box} reaches outside its storage's {held}")
            end = y + len(offsets)
            if not held.y0 <= y < end <= held.y1:
                message = (
                    f"'{tensor.name}': rows {y} .. {end - 1} reach outside its storage's {held.y0} .. {held.y1 - 1}"
                )
                raise InvalidPlan("plan.invalid", message)
            address = (x - held.x0) * (held.c1 - held.c0) * e + c - held.c0 * e
            yield region, (offsets[:, None] + address.ravel()).ravel(), tags[y:end].ravel()
            y = end

    def describe(self, tag: int) -> str:
        """What a tag stands for, in words; a view's bytes are told as those of the tensor that it shows."""
        if tag < 0:
            return {NOTHING: "nothing written yet", SCRATCH: "scratch"}.get(tag, "sums")
        ident = next(i for i, first in self._first.items() if 0 <= tag - first < self._graph.tensors[i].bytes)
        tensor = self._graph.tensors[ident]
        _, pixels, channels = tensor.hwc
        element = (tag - self._first[ident]) // tensor.dtype.size
        row, rest = divmod(element, pixels * channels)
        return f"row {row}, pixel {rest // channels}, channel {rest % channels} of '{tensor.name}'"


def _columns(box: Box, x0: int, x1: int) -> Box:
    return Box(box.y0, box.y1, x0, x1, box.c0, box.c1)


def _first_tags(graph: Graph) -> dict[TensorId, int]:
    """The tag of byte 0 of every activation, as if each were written."""
    tags: dict[TensorId, int] = {}
    free = 0
    for ident in (*graph.inputs, *(i for op in graph.ops for i in op.outputs)):
        tags[ident] = free
        free += graph.tensors[ident].bytes
    return tags


def _tensor_tags(graph: Graph, first: Mapping[TensorId, int], running: Collection[int]) -> dict[TensorId, Tags]:
    """The tags of every activation's bytes, by row, pixel and byte of the pixel.

    What an operator that does not run gives is made of its inputs' bytes; its reference function moves their tags.
    """
    tags: dict[TensorId, Tags] = {}
    for ident, begin in first.items():
        tags[ident] = np.arange(begin, begin + graph.tensors[ident].bytes, dtype=np.int64)
    for index, op in enumerate(graph.ops):
        if index not in running and all(i in tags for i in op.inputs):
            tags[op.outputs[0]] = _moved(graph, op, tags)
    return {ident: t.reshape(*_rows_and_pixels(graph, ident), -1) for ident, t in tags.items()}


def _moved(graph: Graph, op: Op, tags: Mapping[TensorId, Tags]) -> Tags:
    if op.kind == "reshape":
        return tags[graph.operand(op, 0).id]
    if op.kind not in MOVING:
        return tags[op.outputs[0]]  # which nothing writes, so that whoever reads them finds out
    operands = tuple(tags[t.id].reshape(t.shape) for t in TABLE[op.kind].operands(graph, op))
    return function(op.kind)(graph, op, operands)[0].reshape(-1)


def _rows_and_pixels(graph: Graph, ident: TensorId) -> tuple[int, int]:
    rows, pixels, _ = graph.tensors[ident].hwc
    return rows, pixels
