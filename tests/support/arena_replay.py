"""Holds what kernels really load and store against what they declare, byte by byte, on the validator's tagged arena.

An operator runs row by row (ops/record.py), or plane by plane over its whole input, which then counts as one row. Its
stores go to its output rows in order, each complete before the next one begins, and to its scratch. A load serves the
output row that is stored to next, and must find, at that time, what was computed for one of the rows that the operator
declares for that output row, or what this row has stored itself (a maximum that grows in the output, scratch). One that
adds up its input's rows stores to its sums for each, which it may load too: as the row before left them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from edgekit.emulate.trace import Step
from edgekit_codegen.ir import Box, Graph, TensorId
from edgekit_codegen.memory.order import row_box, rows_read
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.memory.tags import NOTHING, SCRATCH, TaggedArena
from edgekit_codegen.ops import TABLE
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.types import Copy, Env, Keep, Leaf, Pull, Run, Slide

from .arena_seams import row_by_row

MARK, PULL, PUSH = "mark", "pull", "push"  # the events of a trace
_UNDECLARED, _OWN = np.iinfo(np.int64).min, np.iinfo(np.int64).min + 1  # below all tags
_NEVER = np.iinfo(np.int64).max
_FOREIGN, _OUTPUT, _SCRATCH = 0, 1, 2  # what a byte is to the row in progress

Index = npt.NDArray[np.int64]
Part = tuple[TensorId, Box]


class AccessError(AssertionError):
    """A kernel accessed what it does not declare."""


@dataclass(frozen=True)
class _Row:
    """What one call of a kernel declares.

    output   what it computes; nothing where it only hands over what it reads, or only adds it up
    scratch  where its working memory lies
    found    the tag of the sums that it finds there; None where it finds nothing
    left     the tag of the sums that it leaves there
    moves    it moves the row that it reads into its ring
    env      the loops' variables
    """

    output: Part | None
    reads: tuple[Part, ...]
    scratch: tuple[Index, ...] = ()
    found: int | None = None
    left: int = SCRATCH
    moves: bool = False
    env: Env = field(default_factory=dict)


class ArenaReplay:
    """Replays one inference.

    regions  the address of every region of the plan
    locate   address of an instruction -> "function+offset"

    step() takes the inference's steps in order, finish() checks that nothing is missing. Both raise AccessError.
    """

    def __init__(self, graph: Graph, plan: Plan, regions: Sequence[int], locate: Callable[[int], str] = hex) -> None:
        self._graph, self._plan, self._locate = graph, plan, locate
        self._arena = TaggedArena(graph, plan)
        self._bases = regions
        self._starts = np.cumsum([0, *(use.used for use in plan.regions)])
        size = len(self._arena.tags)
        self._wanted = np.full(size, _UNDECLARED, np.int64)  # the tag that the row in progress declares to read
        self._stored = np.full(size, _NEVER, np.int64)  # the access by which it first stored to a byte
        self._role = np.full(size, _FOREIGN, np.int8)
        self._layers = walk.layers(plan.schedule)
        self._calls = self._expected()
        self._what = ""
        self.loads = self.stores = 0
        streamed = walk.streamed(plan.schedule)
        self._outputs = [i for i in graph.outputs if i not in streamed]
        for ident in graph.inputs:
            if ident not in streamed:
                self._arena.write(ident, self._arena.whole(ident))

    def step(self, step: Step) -> None:
        call = next(self._calls, None)
        if call is None or call[:2] != (step.event, step.number):
            raise AccessError(
                f"{step.event} {step.number} comes where {f'{call[0]} {call[1]}' if call else 'the end'} should"
            )
        self._what = f"{step.event} {step.number}"
        self.loads += int((~step.write).sum())
        self.stores += int(step.write.sum())
        first = self._positions(step)
        if isinstance(call[2], Run) and not call[2].adds and not call[2].planar and self._couples(call[2]):
            step = self._row_by_row(step, first, call[2], call[3])
            first = self._positions(step)
        if isinstance(call[2], Slide):
            self._slid(step, first, call[2])
            return
        if isinstance(call[2], Keep):
            self._kept(step, first, call[2], call[3])
            return
        rows = self._told_apart(self._declared(call[2], call[3]))
        begin = 0
        for number, (what, row) in enumerate(rows):
            self._what = what
            begin = self._row(step, first, begin, row, last=number == len(rows) - 1)
        if begin < len(first):
            self._fail(step, begin, "touches the arena, though there is nothing to compute")

    def _couples(self, node: Run) -> bool:
        kernel, op = TABLE[self._graph.ops[node.op].kind].kernel, self._graph.ops[node.op]
        return kernel is not None and kernel.couples(self._graph, op)

    def _row_by_row(self, step: Step, first: Index, node: Run, env: Env) -> Step:
        rows = [row for _, row in self._computed(node, env)]
        read = [self._bytes(row.reads, row.env)[0] for row in rows]
        written = [self._bytes((row.output,), row.env)[0] for row in rows if row.output is not None]
        return row_by_row(step, first, read, written, lambda access, problem: self._fail(step, access, problem))

    def finish(self) -> None:
        call = next(self._calls, None)
        if call is not None:
            raise AccessError(f"{call[0]} {call[1]} never came")
        for ident in self._outputs:
            if not self._arena.holds(ident, self._arena.whole(ident)):
                raise AccessError(f"'{self._graph.tensors[ident].name}' is not complete after the last step")

    def _expected(self) -> Iterator[tuple[str, int, Leaf, Env]]:
        """The events of an inference, and what runs after each."""
        for node, env in walk.executed(self._plan.schedule):
            if isinstance(node, Run):
                yield MARK, self._layers.index(node.op), node, env
            elif isinstance(node, Copy | Slide | Keep):
                yield MARK, self._writer(node.tensor), node, env
            else:
                row = node.row.at(env)
                if not row_box(self._graph, node.tensor, row).empty:
                    yield (PULL if isinstance(node, Pull) else PUSH), row, node, env

    def _writer(self, ident: TensorId) -> int:
        """The layer whose part it is to move a tensor's rows: the one that computes them, else the first."""
        writers = (n for n, op in enumerate(self._layers) if ident in self._graph.ops[op].outputs)
        return next(writers, 0)

    def _declared(self, node: Leaf, env: Env) -> Iterator[tuple[str, _Row]]:
        """The rows that a node computes, in order, each with what it is called."""
        if isinstance(node, Run):
            computed = self._over if node.planar else self._added if node.adds else self._computed
            yield from computed(node, env)
            return
        assert not isinstance(node, Slide | Keep), "a tile's bytes move as they are, those outside its tensor too"
        first = node.row.at(env)
        if isinstance(node, Copy):
            name = self._graph.tensors[node.tensor].name
            for y in range(first, min(first + node.rows, self._graph.tensors[node.tensor].hwc[0])):
                part = node.tensor, row_box(self._graph, node.tensor, y)
                yield f"row {y} of '{name}'", _Row(part, (part,), moves=True)
        else:
            part = node.tensor, row_box(self._graph, node.tensor, first)
            yield self._what, _Row(part, ()) if isinstance(node, Pull) else _Row(None, (part,))

    def _slid(self, step: Step, first: Index, node: Slide) -> None:
        """Each of a tile's rows begins with the bytes that lay behind its first pixels; all are read before that."""
        s, tensor = self._arena.storage(node.tensor), self._graph.tensors[node.tensor]
        pixel = tensor.hwc[2] * tensor.dtype.size
        kept, ahead = (node.x1.const - node.x0.const) * pixel, sum(k for _, k in node.x0.terms) * pixel
        region, begins = s.region, np.array(s.offsets)
        if s.strip is not None:
            region, begins = s.strip.region, s.strip.offset + np.arange(s.strip.rows) * s.strip.pixels * pixel
        assert node.rows == len(begins)
        to = (begins[:, None] + np.arange(kept) + self._starts[region]).ravel()
        name = f"what stays of a tile of '{tensor.name}'"
        self._shifted(step, first, to, to + ahead, name)

    def _kept(self, step: Step, first: Index, node: Keep, env: Env) -> None:
        """Pixels of a tile's rows go to the lines."""
        tensor, begin = self._graph.tensors[node.tensor], node.row.at(env)
        box = Box(begin, begin + node.rows, node.x0.at(env), node.x1.at(env), 0, tensor.hwc[2]).clip(tensor.hwc)
        source, tags = self._bytes(((node.tensor, box),), env)
        to, _ = self._bytes(((node.tensor, box),), {})
        if not np.array_equal(self._arena.tags[source], tags):
            raise AccessError(f"{self._what}: '{tensor.name}' is kept before it is there")
        self._shifted(step, first, to, source, f"what is kept of a tile of '{tensor.name}'")

    def _shifted(self, step: Step, first: Index, to: Index, source: Index, name: str) -> None:
        """Bytes move, each of them read before anything is stored there."""
        (stored, when), (loaded, then) = (
            _bytes_of(first, step.size, np.flatnonzero(wanted)) for wanted in (step.write, ~step.write)
        )
        if not np.array_equal(np.unique(stored), np.unique(to)):
            odd = np.setxor1d(stored, to)
            raise AccessError(f"{self._what}: {name} moves to {self._place(int(odd[0]))}, or does not")
        self._stored[stored[::-1]] = when[::-1]
        if not np.isin(loaded, source).all() or (self._stored[loaded] < then).any():
            raise AccessError(f"{self._what}: {name} is read where it is not, or not any more")
        self._stored[stored] = _NEVER
        self._arena.tags[to] = self._arena.tags[source].copy()

    def _computed(self, node: Run, env: Env) -> Iterator[tuple[str, _Row]]:
        op = self._graph.ops[node.op]
        box = node.box.at(env, self._graph.result(op).hwc)
        for y in range(box.y0, box.y1) if not box.empty else ():
            row = Box(y, y + 1, box.x0, box.x1, box.c0, box.c1)
            reads = tuple(rows_read(self._graph, op, row))
            yield self._row_of(node, y), _Row((op.outputs[0], row), reads, self._scratch(node), env=env)

    def _over(self, node: Run, env: Env) -> Iterator[tuple[str, _Row]]:
        """All of an output at once: each of its bytes may replace the input's that no plane to come reads."""
        op = self._graph.ops[node.op]
        source, out = self._graph.operand(op, 0).id, op.outputs[0]
        parts = [(ident, self._arena.whole(ident)) for ident in (out, source)]
        name = f"{op.kind} in place (layer {self._layers.index(node.op)})"
        yield name, _Row(parts[0], (parts[1],), self._scratch(node), env=env)

    def _added(self, node: Run, env: Env) -> Iterator[tuple[str, _Row]]:
        op = self._graph.ops[node.op]
        source, out = self._graph.operand(op, 0), op.outputs[0]
        box = node.box.at(env, source.hwc)
        assert box.y1 == box.y0 + 1, "where a row that is added up ends is not to be seen: they come one by one"
        y = box.y0
        before = None if y == 0 else self._arena.sums(node.op, y - 1)
        done = (out, self._arena.whole(out)) if y == source.hwc[0] - 1 else None
        memory, after = self._scratch(node), self._arena.sums(node.op, y)
        yield self._row_of(node, y), _Row(done, ((source.id, box),), memory, before, after, env=env)

    def _row_of(self, node: Run, y: int) -> str:
        return f"row {y} of {self._graph.ops[node.op].kind} (layer {self._layers.index(node.op)})"

    def _scratch(self, node: Run) -> tuple[Index, ...]:
        held = [s for s in self._plan.scratch if s.op == node.op]
        return tuple(np.arange(s.offset, s.offset + s.size) + self._starts[s.region] for s in held)

    def _told_apart(self, rows: Iterable[tuple[str, _Row]]) -> list[tuple[str, _Row]]:
        """The rows; those that are stored to the same bytes, as rows are that nobody reads, are one: which of them a
        store belongs to, only its order could tell."""
        told: list[tuple[str, _Row]] = []
        for what, row in rows:
            before = told[-1][1] if told else row
            new = row.output is not None and self._arena.storage(row.output[0]).fresh is not None
            if told and row.output is not None and before.output is not None and not new:
                places = (self._bytes((part,), row.env)[0] for part in (before.output, row.output))
                if np.array_equal(*places):
                    told[-1] = what, replace(row, reads=(*before.reads, *row.reads))
                    continue
            told.append((what, row))
        return told

    def _row(self, step: Step, first: Index, begin: int, row: _Row, last: bool) -> int:
        """Check the accesses of one row, the first of which is access `begin`; returns the next row's first."""
        for memory in row.scratch:
            self._role[memory], self._wanted[memory] = _SCRATCH, _OWN if row.found is None else row.found
            if row.found is None:
                self._arena.tags[memory] = SCRATCH
        reads, wanted = self._bytes(row.reads, row.env)
        if row.output is not None and row.moves:
            self._arena.move(row.output[0], row.output[1].y0)
        elif row.output is not None:
            self._arena.begin(row.output[0], row.output[1].y0)
        output, tags = self._bytes(() if row.output is None else (row.output,), row.env)
        self._role[output] = _OUTPUT
        self._wanted[output] = _OWN
        self._wanted[reads] = wanted  # last: in place, the input's row is what is declared
        clash = np.flatnonzero(self._wanted[reads] != wanted)
        if len(clash):
            i, (one, other) = (
                int(clash[0]),
                (self._arena.describe(int(t[clash[0]])) for t in (wanted, self._wanted[reads])),
            )
            raise AccessError(f"{self._what} reads {one} and {other}, both at {self._place(int(reads[i]))}")
        end = self._end_of_row(step, first, begin, output, last)
        self._check_loads(step, first, begin, end)
        for memory in row.scratch:
            missing = memory[self._stored[memory] == _NEVER]
            if row.left != SCRATCH and len(missing):
                raise AccessError(f"{self._what} leaves its sums at {self._place(int(missing[0]))} as they were")
            self._arena.tags[memory] = row.left
        self._arena.tags[output] = tags
        for touched in (output, reads, *row.scratch):
            self._role[touched], self._wanted[touched], self._stored[touched] = _FOREIGN, _UNDECLARED, _NEVER
        return end

    def _end_of_row(self, step: Step, first: Index, begin: int, output: Index, last: bool) -> int:
        """Check the row's stores, and note when they came."""
        stores = np.flatnonzero(step.write[begin:]) + begin
        role = self._role[first[stores]]
        role[role != self._role[first[stores] + step.size[stores] - 1]] = _FOREIGN
        foreign = int(np.argmax(role == _FOREIGN)) if (role == _FOREIGN).any() else len(stores)
        own = np.flatnonzero(role[:foreign] == _OUTPUT)
        end = int(stores[own[-1]]) + 1 if len(own) else begin
        if last and foreign == len(stores):
            end = len(first)
        at, when = _bytes_of(first, step.size, stores[stores < end])
        self._stored[at[::-1]] = when[::-1]
        missing = output[self._stored[output] == _NEVER]
        if foreign < len(stores) and (last or len(missing)):
            self._fail(
                step, int(stores[foreign]), f"stores to {self._place(int(first[stores[foreign]]))}, not to this row"
            )
        if len(missing):
            raise AccessError(f"{self._what} leaves {self._place(int(missing[0]))} as it was")
        return end

    def _check_loads(self, step: Step, first: Index, begin: int, end: int) -> None:
        at, when = _bytes_of(first, step.size, np.flatnonzero(~step.write[begin:end]) + begin)
        wanted, found, stored = self._wanted[at], self._arena.tags[at], self._stored[at] < when
        good = np.where(stored, wanted < NOTHING, found == wanted)
        if good.all():
            return
        i = int(np.argmin(good))
        place = self._place(int(at[i]))
        if wanted[i] == _UNDECLARED:
            problem = f"loads {place}, which this row does not declare to read"
        elif wanted[i] == _OWN:
            problem = f"loads {place}, its own output or scratch, before it has stored there"
        elif stored[i]:
            problem = f"loads {place} after this row has overwritten it"
        else:
            problem = f"loads {place} for {self._arena.describe(int(wanted[i]))}"
        self._fail(step, int(when[i]), problem)

    def _positions(self, step: Step) -> Index:
        """The position in the arena of each access's first byte. AccessError where one is not wholly in a region."""
        begin = step.address.astype(np.int64)
        found = np.full(len(begin), -1, np.int64)
        for base, start, end in zip(self._bases, self._starts[:-1], self._starts[1:], strict=True):
            inside = (begin >= base) & (begin + step.size <= base + end - start)
            found[inside] = begin[inside] - base + start
        if (found < 0).any():
            i = int(np.argmax(found < 0))
            self._fail(step, i, f"{'stores to' if step.write[i] else 'loads'} 0x{begin[i]:08x}, outside the arena")
        return found

    def _bytes(self, parts: Iterable[Part], env: Env) -> tuple[Index, Index]:
        """Positions in the arena of the parts' bytes, and the tags that belong there."""
        rows = [(at + self._starts[r], tags) for part in parts for r, at, tags in self._arena.rows(*part, env)]
        none = np.empty(0, np.int64)
        return np.concatenate([none, *(at for at, _ in rows)]), np.concatenate([none, *(tags for _, tags in rows)])

    def _place(self, position: int) -> str:
        region = int(np.searchsorted(self._starts, position, side="right")) - 1
        held = self._arena.describe(int(self._arena.tags[position]))
        return f"byte {position - self._starts[region]} of region {self._plan.regions[region].name} ({held})"

    def _fail(self, step: Step, access: int, problem: str) -> NoReturn:
        pc = int(step.pc[access])
        raise AccessError(f"{self._what}: {self._locate(pc)} at 0x{pc:08x} {problem}")


def _bytes_of(first: Index, size: npt.NDArray[np.int8], accesses: Index) -> tuple[Index, Index]:
    """The bytes of some accesses, in order, and the access that each belongs to."""
    n = size[accesses].astype(np.int64)
    within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    return np.repeat(first[accesses], n) + within, np.repeat(accesses, n)
