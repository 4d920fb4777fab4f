"""A graph under rewriting: operators by position, with their producers and consumers kept up to date."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..ir.types import Graph, Op, Tensor, TensorId
from ..ir.verify import is_legal


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A pass's result.

    changes  one line for people per rewrite, in order; empty when the graph is the same
    """

    graph: Graph
    changes: tuple[str, ...] = ()


class Rewriter:
    """Edits a graph's operators in place and gives the edited graph back.

    Positions are those of the graph it began with. Every edit leaves a valid execution order.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tensors: dict[TensorId, Tensor] = dict(graph.tensors)
        self._ops: list[Op | None] = list(graph.ops)
        self._producer: dict[TensorId, int] = {}
        self._readers: dict[TensorId, set[int]] = {}
        self._changes: list[str] = []
        for position, op in enumerate(graph.ops):
            self._link(position, op)

    def __len__(self) -> int:
        return len(self._ops)

    def op(self, position: int) -> Op | None:
        """The operator at a position; None where it was removed."""
        return self._ops[position]

    def tensor(self, ident: TensorId | None) -> Tensor:
        """A tensor that is named. Raises ValueError for an absent operand."""
        if ident is None:
            raise ValueError("an absent operand has no tensor")
        return self._tensors[ident]

    def producer(self, ident: TensorId | None) -> tuple[int, Op] | None:
        """Where and what writes a tensor; None for inputs and constants."""
        position = None if ident is None else self._producer.get(ident)
        op = None if position is None else self._ops[position]
        return None if position is None or op is None else (position, op)

    def readers(self, ident: TensorId) -> list[tuple[int, Op]]:
        """The operators that read a tensor, in order."""
        found = ((position, self._ops[position]) for position in sorted(self._readers.get(ident, ())))
        return [(position, op) for position, op in found if op is not None]

    def is_output(self, ident: TensorId) -> bool:
        return ident in self._graph.outputs

    def only_reader(self, ident: TensorId, position: int) -> bool:
        """Nothing but the operator at `position` sees this tensor."""
        return self._readers.get(ident) == {position} and not self.is_output(ident)

    def accepts(self, op: Op) -> bool:
        """The operator is legal with these tensors, and something here computes it."""
        return is_legal(op, self._tensors)

    def put(self, position: int, op: Op) -> None:
        """Another operator at a position that is taken or was taken."""
        self._unlink(position)
        self._ops[position] = op
        self._link(position, op)

    def remove(self, position: int) -> None:
        """Remove an operator whose outputs nothing reads, or whose outputs another is about to write."""
        self._unlink(position)

    def bypass(self, position: int) -> bool:
        """Remove an operator whose output equals its input 0 in shape, type, quantization and every value.

        False, and nothing changed, where it stands between a graph input (or another graph output) and a graph
        output: both tensors have to exist then.
        """
        op = self._ops[position]
        if op is None or op.inputs[0] is None:
            return False
        source, result = op.inputs[0], op.outputs[0]
        if not self.is_output(result):
            self._unlink(position)
            self._rename_reads(result, source)
            return True
        produced = self.producer(source)
        if produced is None or self.is_output(source):
            return False
        self._unlink(position)
        self._rename_reads(source, result)
        earlier, producer = produced
        outputs = tuple(result if i == source else i for i in producer.outputs)
        self.put(earlier, replace(producer, outputs=outputs))
        return True

    def drop_unread(self, ident: TensorId | None) -> None:
        """Remove the operator that writes a tensor when nothing reads any of its outputs any more."""
        produced = self.producer(ident)
        if produced is None:
            return
        position, op = produced
        if not any(self._readers.get(i) or self.is_output(i) for i in op.outputs):
            self._unlink(position)

    def note(self, change: str) -> None:
        self._changes.append(change)

    def done(self) -> Rewritten:
        if not self._changes:
            return Rewritten(self._graph)
        ops = tuple(op for op in self._ops if op is not None)
        return Rewritten(self._graph.with_ops(ops, self._tensors), tuple(self._changes))

    def _link(self, position: int, op: Op) -> None:
        for ident in op.outputs:
            self._producer[ident] = position
        for source in op.inputs:
            if source is not None:
                self._readers.setdefault(source, set()).add(position)

    def _unlink(self, position: int) -> None:
        op = self._ops[position]
        if op is None:
            return
        for ident in op.outputs:
            if self._producer.get(ident) == position:
                del self._producer[ident]
        for source in op.inputs:
            if source is not None:
                self._readers[source].discard(position)
        self._ops[position] = None

    def _rename_reads(self, old: TensorId, new: TensorId) -> None:
        for position, op in self.readers(old):
            inputs = tuple(new if i == old else i for i in op.inputs)
            self.put(position, replace(op, inputs=inputs))


def where(op: Op) -> str:
    """The operator as reports name it."""
    return f"{op.kind} {'+'.join(str(i) for i in op.origin)}".rstrip()
