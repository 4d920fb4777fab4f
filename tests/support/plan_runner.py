"""Runs a plan with the C kernels on this computer, without generating C: for trying thousands of schedules.

Every kernel is compiled once (support/kernel_runner.py). The schedule is followed node by node; rows are found in an
arena as the plan's storages say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen.ir import Graph, Op, TensorId
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Kernel, Rows, Window
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.types import Copy, Env, Keep, Pull, Run, Slide

from .kernel_memory import call_type, parameters
from .kernel_runner import PAINT, host

Call = tuple[int, ...]


def run(graph: Graph, plan: Plan, inputs: Sequence[npt.NDArray[Any]]) -> bytes:
    """The bytes of all outputs."""
    return _Runner(graph, plan).run(inputs)


class _Runner:
    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph, self.plan, self.machine = graph, plan, host()
        self.memory = self.machine.memory
        self.memory.used = 0
        self.bases = [self.memory.place(np.full(max(use.used, 4), PAINT, np.uint8)) for use in plan.regions]
        self.held = {s.tensor: s for s in plan.storages}
        self.placed: dict[TensorId, int] = {}
        self.fixed: dict[int, Call] = {}
        self.fresh: dict[TensorId, set[int]] = {}
        self.env: Env = {}

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> bytes:
        streamed = walk.streamed(self.plan.schedule)
        given = {i: self.rows(i, value) for i, value in zip(self.graph.inputs, inputs, strict=True)}
        taken = {i: np.zeros(self.shape(i), np.uint8) for i in self.graph.outputs}
        for ident, rows in given.items():
            if ident not in streamed and ident in self.held:
                for y, row in enumerate(rows):
                    self.view(ident, y)[...] = row
        pending: list[Call] = []
        for leaf, env in walk.executed(self.plan.schedule):
            self.env = env
            if isinstance(leaf, Run) and leaf.planar:
                pending.append(self.planar(leaf.op))
                continue
            if isinstance(leaf, Run):
                op = self.graph.ops[leaf.op]
                box = leaf.box.at(env, (self.graph.operand(op, 0) if leaf.adds else self.graph.result(op)).hwc)
                call = self.added if leaf.adds else self.call
                pending += [call(leaf.op, y, box.x0, box.x1) for y in range(box.y0, box.y1)]
                continue
            self.flush(pending)
            if isinstance(leaf, Slide):
                self.slide(leaf)
                continue
            if isinstance(leaf, Keep):
                self.keep(leaf)
                continue
            y = leaf.row.at(env)
            if isinstance(leaf, Copy):
                for row in range(y, min(y + leaf.rows, self.graph.tensors[leaf.tensor].hwc[0])):
                    moved = self.view(leaf.tensor, row).copy()
                    self.fresh[leaf.tensor].remove(row)
                    self.view(leaf.tensor, row)[...] = moved
            elif isinstance(leaf, Pull):
                self.written(leaf.tensor, y)
                self.view(leaf.tensor, y)[...] = given[leaf.tensor][y]
            else:
                taken[leaf.tensor][y] = self.view(leaf.tensor, y)
        self.flush(pending)
        for ident in self.graph.outputs:
            for y in range(0 if ident in streamed else len(taken[ident])):
                taken[ident][y] = self.view(ident, y)
        return b"".join(taken[ident].tobytes() for ident in self.graph.outputs)

    def slide(self, leaf: Slide) -> None:
        """What stays of a tile, by its own storage."""
        tensor, held = self.graph.tensors[leaf.tensor], self.held[leaf.tensor]
        pixel = tensor.hwc[2] * tensor.dtype.size
        kept, step = ((leaf.x1.const - leaf.x0.const) * pixel, dict(leaf.x0.terms).popitem()[1] * pixel)
        places = [self.bases[held.region] + offset for offset in held.offsets]
        if held.strip is not None:
            begin, pitch = self.bases[held.strip.region] + held.strip.offset, held.strip.pixels * pixel
            places = [begin + n * pitch for n in range(held.strip.rows)]
        for place in places:
            row = self.memory.view(place, kept + step)
            row[:kept] = row[step:].copy()

    def keep(self, leaf: Keep) -> None:
        """What leaves a tile, from where its rows are to their slots."""
        tensor, held = self.graph.tensors[leaf.tensor], self.held[leaf.tensor]
        rows, pixels, channels = tensor.hwc
        pixel, first = channels * tensor.dtype.size, leaf.row.at(self.env)
        x0, x1 = (min(max(x.at(self.env), 0), pixels) for x in (leaf.x0, leaf.x1))
        for y in range(max(first, 0), min(first + leaf.rows, rows)):
            if x0 < x1:
                tile = self.memory.view(self.address(leaf.tensor, y) + x0 * pixel, (x1 - x0) * pixel)
                line = self.bases[held.region] + held.offsets[y % held.slots]
                self.memory.view(line + x0 * pixel, (x1 - x0) * pixel)[...] = tile

    def flush(self, pending: list[Call]) -> None:
        self.machine.run(np.array(pending, call_type(self.memory.word)))
        pending.clear()

    def shape(self, ident: TensorId) -> tuple[int, int]:
        tensor = self.graph.tensors[ident]
        return tensor.hwc[0], tensor.bytes // tensor.hwc[0]

    def rows(self, ident: TensorId, value: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        return np.ascontiguousarray(value).reshape(-1).view(np.uint8).reshape(self.shape(ident))

    def address(self, ident: TensorId, y: int) -> int:
        tensor = self.graph.tensors[ident]
        if tensor.data is not None:
            if ident not in self.placed:
                self.placed[ident] = self.memory.place(np.ascontiguousarray(tensor.data))
            return self.placed[ident] + y * self.shape(ident)[1]
        held = self.held[ident]
        if held.strip is not None and 0 <= (n := y - held.strip.y.at(self.env)) < held.strip.rows:
            pixel = tensor.hwc[2] * tensor.dtype.size
            right = n * held.strip.pixels - held.strip.x.at(self.env)
            return self.bases[held.strip.region] + held.strip.offset + right * pixel
        moved = held.first.at(self.env) * tensor.hwc[2] * tensor.dtype.size
        if y in self.fresh.get(ident, ()):
            assert held.fresh is not None
            return self.bases[held.fresh.region] + held.fresh.offset + y % held.fresh.rows * held.pitch
        return self.bases[held.region] + held.offsets[y % held.slots] - moved

    def written(self, ident: TensorId, y: int) -> None:
        """Row y is about to be written; it may not be in its slot at first."""
        fresh = self.held[ident].fresh
        if fresh is not None:
            self.fresh[ident] = {row for row in self.fresh.get(ident, ()) if row // fresh.rows == y // fresh.rows} | {y}

    def view(self, ident: TensorId, y: int) -> npt.NDArray[Any]:
        return self.memory.view(self.address(ident, y), self.shape(ident)[1])

    def call(self, index: int, y: int, x0: int, x1: int) -> Call:
        op = self.graph.ops[index]
        access = TABLE[op.kind].access(self.graph, op)
        local = y % access.images[2] if isinstance(access, Window) and access.images else y
        if index not in self.fixed:
            self.fixed[index] = self.constants(index, op)
        function, p, *rest = self.fixed[index]
        table = self.memory.place(np.array(self.pointers(op, y), self.memory.word))
        self.written(op.outputs[0], y)
        return function, p, table, self.address(op.outputs[0], y), local, x0, x1, *rest

    def added(self, index: int, y: int, x0: int, x1: int) -> Call:
        """Row y of the input goes into an operator's sums."""
        op = self.graph.ops[index]
        p = self.memory.place(parameters(self.kernel(op), self.kernel(op).params(self.graph, op)))
        sums = next(self.bases[s.region] + s.offset for s in self.plan.scratch if s.op == index)
        table = self.memory.place(np.array([self.address(self.graph.operand(op, 0).id, y)], self.memory.word))
        return self.machine.kernel(f"{op.kind}_add"), p, table, self.address(op.outputs[0], 0), y, x0, x1, 0, 0, sums

    def planar(self, index: int) -> Call:
        """All of an operator's output, plane by plane."""
        op = self.graph.ops[index]
        planes = TABLE[op.kind].planar(self.graph, op)
        assert planes is not None
        _, p, *rest = self.constants(index, op)
        table = self.memory.place(np.array([self.address(self.graph.operand(op, 0).id, 0)], self.memory.word))
        function, out = self.machine.kernel(f"{op.kind}_planar"), op.outputs[0]
        rows = self.graph.result(op).hwc[0]
        return function, p, table, self.address(out, 0), 0, rows, planes.channels, *rest

    def kernel(self, op: Op) -> Kernel:
        kernel = TABLE[op.kind].kernel
        assert kernel is not None
        return kernel

    def constants(self, index: int, op: Op) -> Call:
        record, kernel = TABLE[op.kind], self.kernel(op)
        weights, requant = kernel.weights(self.graph, op), kernel.requant(self.graph, op)
        epilogue = None
        if requant is not None:
            epilogue = np.stack([requant.bias, requant.multiplier, requant.shift], axis=1).astype(np.int32)
        scratch = next((self.bases[s.region] + s.offset for s in self.plan.scratch if s.op == index), 0)
        assert scratch or not record.scratch(self.graph, op)
        params = self.memory.place(parameters(kernel, kernel.params(self.graph, op)))
        placed = (0 if a is None else self.memory.place(np.ascontiguousarray(a)) for a in (weights, epilogue))
        name = f"{op.kind}_roomy" if scratch and kernel.roomy else op.kind
        return (self.machine.kernel(name), params, *placed, scratch)

    def pointers(self, op: Op, y: int) -> list[int]:
        """The addresses of the rows that output row y reads; 0 for padding."""
        operands = TABLE[op.kind].operands(self.graph, op)
        access = TABLE[op.kind].access(self.graph, op)
        if isinstance(access, Window):
            rows, source = operands[0].hwc[0], operands[0].id
            top, local = 0, y
            if access.images is not None:
                _, rows, out_rows = access.images
                top, local = y // out_rows * rows, y % out_rows
            return [self.address(source, top + n) if 0 <= n < rows else 0 for n in access.rows(local)]
        numbers = [access.row(i, y) if isinstance(access, Rows) else 0 for i in range(len(operands))]
        return [self.address(tensor.id, n) for tensor, n in zip(operands, numbers, strict=True)]
