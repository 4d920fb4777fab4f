"""The plan's checker: replays the schedule on a tagged arena. Short, obvious, and without a line of the planner's.

Every byte of every region carries the tag of the tensor byte written there last. A row that a kernel reads must carry
exactly the tags of the elements it is meant to read, when it reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import InvalidPlan
from ..ir.region import Box
from ..ir.types import Graph, Op, Tensor, TensorId
from ..ops import TABLE
from ..ops.record import Overlap, Whole
from ..schedule import walk
from ..schedule.types import Copy, Env, Keep, Leaf, Pull, Run, Slide
from ..target import Target
from .order import row_box, rows_read
from .plan import Plan, Scratch
from .tags import SCRATCH, TaggedArena

NO_LOOP: Env = {}
WORD = 4  # bytes: what kernels may load at once from the start of a row's storage or scratch


def validate(graph: Graph, plan: Plan, target: Target) -> None:
    """Raise InvalidPlan where a byte that is read is not the one that was written, or lies where it must not.

    Checked: addresses lie inside the bytes that the plan claims and the target has; alignment; inputs do not overlap;
    every row read holds what was computed; kernels that forbid it never share bytes between input and output; scratch
    survives its kernel; outputs are complete at the end.
    """
    _Replay(graph, plan, target).run()


class _Replay:
    def __init__(self, graph: Graph, plan: Plan, target: Target) -> None:
        self.graph, self.plan = graph, plan
        self.own = len(target.regions)
        if len(plan.regions) != self.own + bool(graph.outside):
            _fail(f"the plan has {len(plan.regions)} regions, the target {self.own}")
        for use, region in zip(plan.regions, target.regions, strict=False):
            if not 0 <= use.used <= region.size or use.align % region.align:
                _fail(f"region {region.name} has {region.size} bytes aligned to {region.align}, the plan uses {use}")
        if plan.arena_bytes != sum(use.used for use in plan.regions[: self.own]):
            _fail(f"the arena of {plan.arena_bytes} bytes is not the sum of its regions")
        self.arena = TaggedArena(graph, plan)
        self.added: dict[int, npt.NDArray[np.bool_]] = {}  # per operator that adds, the pixels of its input so far

    def run(self) -> None:
        streamed = walk.streamed(self.plan.schedule)
        self._check_addresses()
        resident = [i for i in self.graph.inputs if i not in streamed]
        for ident in resident:
            self.arena.write(ident, self.arena.whole(ident))
        for ident in resident:
            self._read(ident, self.arena.whole(ident), "before the first step")
        for node, env in walk.executed(self.plan.schedule):
            self._node(node, env)
        for ident in self.graph.outputs:
            if ident not in streamed:
                self._read(ident, self.arena.whole(ident), "after the last step")

    def _check_addresses(self) -> None:
        written = {i for op in walk.layers(self.plan.schedule) for i in self.graph.ops[op].outputs}
        written |= {*self.graph.inputs} - self.graph.outside
        for s in self.plan.storages:
            tensor = self.graph.tensors[s.tensor]
            places = (s.region, *(part.region for part in (s.fresh, s.strip) if part is not None))
            if s.tensor in written and max(places) >= self.own:
                _fail(f"'{tensor.name}' would be written to memory of the caller's")
            if s.tensor in self.graph.outside and max(places) < self.own:
                _fail(f"'{tensor.name}' lies in memory of the caller's, not in region {s.region}")
            row = (s.box.x1 - s.box.x0) * (s.box.c1 - s.box.c0) * tensor.dtype.size
            if s.box.empty or (s.box != s.box.clip(tensor.hwc) and not s.first.terms):
                _fail(f"'{tensor.name}': box {s.box} is not a part of {tensor.hwc}")
            if s.pitch < row or len(s.offsets) != s.slots or not 1 <= s.slots <= s.box.y1 - s.box.y0:
                _fail(f"'{tensor.name}': rows of {row} bytes do not match pitch {s.pitch} and {s.slots} slots")
            if s.offsets[0] % max(WORD, tensor.dtype.size) or any(o % tensor.dtype.size for o in s.offsets):
                _fail(f"'{tensor.name}': offset {s.offsets[0]} is not aligned")
            self._check_range(s.region, min(s.offsets), max(s.offsets) + row, f"'{tensor.name}'")
            if s.fresh is not None:
                begin, end = s.fresh.offset, s.fresh.offset + (s.fresh.rows - 1) * s.pitch + row
                if begin % max(WORD, tensor.dtype.size) or s.fresh.rows < 1:
                    _fail(f"'{tensor.name}': offset {begin} of {s.fresh.rows} new rows is not aligned")
                self._check_range(s.fresh.region, begin, end, f"a new row of '{tensor.name}'")
            if s.strip is not None:
                size = s.strip.rows * s.strip.pixels * (s.box.c1 - s.box.c0) * tensor.dtype.size
                if s.strip.offset % max(WORD, tensor.dtype.size):
                    _fail(f"'{tensor.name}': offset {s.strip.offset} of a tile is not aligned")
                self._check_range(s.strip.region, s.strip.offset, s.strip.offset + size, f"a tile of '{tensor.name}'")
        for t in self.plan.scratch:
            if t.region >= self.own:
                _fail(f"scratch of operator {t.op} would be written to memory of the caller's")
            if t.offset % WORD:
                _fail(f"scratch of operator {t.op}: offset {t.offset} is not aligned")
            self._check_range(t.region, t.offset, t.offset + t.size, f"scratch of operator {t.op}")

    def _check_range(self, region: int, begin: int, end: int, what: str) -> None:
        if not 0 <= region < len(self.arena.regions) or begin < 0 or end > len(self.arena.regions[region]):
            _fail(f"{what}: bytes {begin} .. {end} lie outside region {region}")

    def _node(self, node: Leaf, env: Env) -> None:
        if isinstance(node, Run):
            if node.planar:
                self._run_over(node)
            elif node.once is not None:
                self._run_at_once(node, node.once)
            else:
                self._add(node, env) if node.adds else self._run(node, env)
        elif isinstance(node, Copy):
            for y in range(node.row.at(env), node.row.at(env) + node.rows):
                row = row_box(self.graph, node.tensor, y)
                if not row.empty:
                    self._read(node.tensor, row, "copy", env)
                    self._move(node.tensor, row)
        elif isinstance(node, Slide):
            self._slide(node)
        elif isinstance(node, Keep):
            self._keep(node, env)
        else:
            row = row_box(self.graph, node.tensor, node.row.at(env))
            if not row.empty:
                self.arena.write(node.tensor, row) if isinstance(node, Pull) else self._read(node.tensor, row, "push")

    def _run(self, node: Run, env: Env) -> None:
        """Row by row, as the kernel is called: scratch is taken, inputs are read, the output row is written."""
        op = self.graph.ops[node.op]
        record = TABLE[op.kind]
        scratch = [s for s in self.plan.scratch if s.op == node.op]
        if sum(s.size for s in scratch) < record.scratch(self.graph, op):
            _fail(f"{op.kind} (operator {node.op}) has too little scratch")
        if isinstance(record.access(self.graph, op), Whole):
            self._in_one_piece(op)
        box = node.box.at(env, self.graph.result(op).hwc)
        for y in range(box.y0, box.y1) if not box.empty else ():
            row = Box(y, y + 1, box.x0, box.x1, box.c0, box.c1)
            for s in scratch:
                self.arena.scratch(s)[:] = SCRATCH
            reads = [(ident, part) for ident, part in rows_read(self.graph, op, row) if not part.empty]
            for ident, part in reads:
                self._read(ident, part, f"row {y} of {op.kind}", env)
            self._disjoint(op, y, reads, env, same_row=record.overlap is Overlap.IN_PLACE)
            self.arena.write(op.outputs[0], row, env)
            if any((self.arena.scratch(s) != SCRATCH).any() for s in scratch):
                _fail(f"row {y} of {op.kind} overwrites its own scratch")

    def _run_at_once(self, node: Run, bytes_needed: int) -> None:
        """One call: all of the output may be written before any of what is read for it."""
        op, (out,) = self.graph.ops[node.op], self.graph.ops[node.op].outputs
        whole = self.arena.whole(out)
        scratch = self._one_call(node, bytes_needed)
        for s in scratch:
            self.arena.scratch(s)[:] = SCRATCH
        self.arena.write(out, whole)
        for y in range(whole.y1):
            for ident, part in rows_read(self.graph, op, replace(whole, y0=y, y1=y + 1)):
                self._read(ident, part, f"{op.kind}, which computes at once,")
        if any((self.arena.scratch(s) != SCRATCH).any() for s in scratch):
            _fail(f"{op.kind} (operator {node.op}) overwrites its own scratch")

    def _run_over(self, node: Run) -> None:
        """One call, plane by plane: a channel's output may replace its input, byte for byte, and nobody else's."""
        op = self.graph.ops[node.op]
        source, out = self.graph.operand(op, 0), self.graph.result(op)
        planar = TABLE[op.kind].planar(self.graph, op)
        if planar is None or source.hwc != out.hwc:
            _fail(f"{op.kind} (operator {node.op}) cannot overwrite its input")
        scratch = self._one_call(node, planar.scratch)
        for s in scratch:
            self.arena.scratch(s)[:] = SCRATCH
        self._read(source.id, self.arena.whole(source.id), f"{op.kind}, which overwrites it,")
        held, read = self.arena.storage(out.id), self.arena.storage(source.id)
        (begin, other), size = (held.offsets[0], read.offsets[0]), out.bytes
        if held.region == read.region and begin != other and begin < other + size and other < begin + size:
            _fail(f"{op.kind} (operator {node.op}) shifts onto its input '{source.name}'")
        self.arena.write(out.id, self.arena.whole(out.id))
        if any((self.arena.scratch(s) != SCRATCH).any() for s in scratch):
            _fail(f"{op.kind} (operator {node.op}) overwrites its own scratch")

    def _one_call(self, node: Run, bytes_needed: int) -> list[Scratch]:
        """The working memory of a call that computes all of an output in one piece from inputs in one piece."""
        op = self.graph.ops[node.op]
        scratch = [s for s in self.plan.scratch if s.op == node.op]
        if sum(s.size for s in scratch) < bytes_needed:
            _fail(f"{op.kind} (operator {node.op}) has too little scratch")
        if node.box.at(NO_LOOP, self.graph.result(op).hwc) != self.arena.whole(op.outputs[0]):
            _fail(f"{op.kind} (operator {node.op}) computes all of its output at once, or nothing")
        self._in_one_piece(op)
        self._require_one_piece(op, self.graph.result(op), "output")
        return scratch

    def _in_one_piece(self, op: Op) -> None:
        """What a kernel takes as a whole lies row behind row."""
        for tensor in TABLE[op.kind].operands(self.graph, op):
            if not tensor.is_constant:
                self._require_one_piece(op, tensor, "input")

    def _require_one_piece(self, op: Op, tensor: Tensor, what: str) -> None:
        s = self.arena.storage(tensor.id)
        if s.slots < tensor.hwc[0] or not s.contiguous or s.split:
            _fail(f"{op.kind} finds its {what} '{tensor.name}' in pieces")

    def _move(self, ident: TensorId, row: Box) -> None:
        """A new row goes into its slot."""
        begin, tensor = self.arena.place(ident, row.y0), self.graph.tensors[ident]
        self.arena.move(ident, row.y0)
        end, size = self.arena.place(ident, row.y0), tensor.bytes // tensor.hwc[0]
        if begin[0] == end[0] and abs(begin[1] - end[1]) < size:
            _fail(f"row {row.y0} of '{tensor.name}' overlaps its slot in the ring when it moves there")
        for region, address, tags in self.arena.rows(ident, row):
            self.arena.regions[region][address] = tags

    def _slide(self, node: Slide) -> None:
        """The pixels that stay move to the begin of each of the tile's rows."""
        s, tensor = self.arena.storage(node.tensor), self.graph.tensors[node.tensor]
        pixel = (s.box.c1 - s.box.c0) * tensor.dtype.size
        first, rows, pitch, region, offsets = s.first, s.slots, s.pitch, s.region, s.offsets
        if s.strip is not None:
            first, rows, pitch, region = s.strip.x, s.strip.rows, s.strip.pixels * pixel, s.strip.region
            offsets = tuple(s.strip.offset + n * pitch for n in range(rows))
        kept, step = (node.x1.const - node.x0.const) * pixel, sum(k for _, k in first.terms) * pixel
        if node.x0 != first or not 0 < kept <= pitch - step or node.rows != rows:
            _fail(f"'{tensor.name}': {node.rows} rows of {kept} bytes do not slide by {step} in {s}")
        for offset in offsets:
            row = self.arena.regions[region][offset : offset + pitch]
            row[:kept] = row[step : step + kept].copy()

    def _keep(self, node: Keep, env: Env) -> None:
        """Pixels that leave a tile are in it, and go to the lines."""
        first, (x0, x1) = node.row.at(env), (node.x0.at(env), node.x1.at(env))
        for y in range(first, first + node.rows):
            part = Box(y, y + 1, x0, x1, 0, self.graph.tensors[node.tensor].hwc[2])
            part = part.clip(self.graph.tensors[node.tensor].hwc)
            if not part.empty:
                self._read(node.tensor, part, "keep", env)
                for region, address, tags in self.arena.rows(node.tensor, part):
                    self.arena.regions[region][address] = tags

    def _add(self, node: Run, env: Env) -> None:
        """Row by row of the input: sums are cleared by the first, survive until the last, which writes the output."""
        op = self.graph.ops[node.op]
        (scratch,) = (s for s in self.plan.scratch if s.op == node.op)
        source = self.graph.operand(op, 0)
        sums, (rows, pixels, channels) = self.arena.scratch(scratch), source.hwc
        if not 0 < TABLE[op.kind].sums(self.graph, op) <= scratch.size:
            _fail(f"{op.kind} (operator {node.op}) has no room for its sums")
        box = node.box.at(env, source.hwc)
        if (box.c0, box.c1) != (0, channels):
            _fail(f"{op.kind} (operator {node.op}) adds parts of pixels")
        for y in range(box.y0, box.y1):
            done = self.added.setdefault(node.op, np.zeros((rows, pixels), np.bool_))
            if done.any() and (sums != self.arena.sums(node.op, int(done.sum()))).any():
                _fail(f"row {y} of {op.kind} finds other bytes than its sums of the pixels before")
            if done.any() == (y == box.x0 == 0) or done[y, box.x0 : box.x1].any():
                _fail(f"row {y} of {op.kind} is added twice, or before the first pixel of all")
            self._read(source.id, Box(y, y + 1, box.x0, box.x1, 0, channels), f"row {y} of {op.kind}", env)
            done[y, box.x0 : box.x1] = True
            sums[:] = self.arena.sums(node.op, int(done.sum()))
            if y == rows - 1 and box.x1 == pixels:
                if not done.all():
                    _fail(f"{op.kind} (operator {node.op}) is completed before all of its input was added")
                self.arena.write(op.outputs[0], self.arena.whole(op.outputs[0]), env)
                if (sums != self.arena.sums(node.op, int(done.sum()))).any():
                    _fail(f"{op.kind} (operator {node.op}) overwrites its own sums with their result")
                del self.added[node.op]

    def _disjoint(self, op: Op, y: int, reads: Sequence[tuple[TensorId, Box]], env: Env, same_row: bool) -> None:
        """The output row shares no byte with any row that is read for it, or is, where that is allowed, exactly it."""
        out = self.arena.storage(op.outputs[0])
        (here, begin), size = self.arena.place(op.outputs[0], y, env), self.arena.pitch(op.outputs[0], y, env)
        if out.fresh is not None:
            here, begin = out.fresh.region, out.fresh.offset + y % out.fresh.rows * out.pitch
        for ident, read in reads:
            for _, there, offsets, pitch in self.arena.places(ident, read.y0, read.y1, env):
                shared = offsets[(offsets + pitch > begin) & (offsets < begin + size)] if there == here else ()
                if len(shared) == 0:
                    continue
                name = self.graph.tensors[ident].name
                if not same_row or self.graph.tensors[ident].dtype is not self.graph.result(op).dtype:
                    _fail(f"row {y} of {op.kind} would overwrite its input '{name}'")
                if size != pitch or any(offset != begin for offset in shared):
                    _fail(f"row {y} of {op.kind} shifts onto its input '{name}'")

    def _read(self, ident: TensorId, box: Box, when: str, env: Env = NO_LOOP) -> None:
        if not self.arena.holds(ident, box, env):
            name = self.graph.tensors[ident].name
            _fail(f"'{name}': {when} finds other bytes than were written for rows {box.y0} .. {box.y1 - 1}")


def _fail(message: str) -> NoReturn:
    raise InvalidPlan("plan.invalid", message)
