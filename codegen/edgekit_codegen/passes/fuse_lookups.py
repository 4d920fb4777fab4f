"""Functions of one int8 value, one after the other, become one table of 256 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import DType, Graph, Op, Tensor
from ..ops import unary
from ..ops.attributes import (
    Abs,
    Add,
    Dequantize,
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Lookup,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Quantize,
    Relu,
    Rsqrt,
    SquaredDifference,
    Sub,
    Tanh,
)
from .rewrite import Rewriter, Rewritten, where

_OF_ONE = (Abs, Dequantize, Elu, Gelu, HardSwish, LeakyRelu, Logistic, Lookup, Quantize, Relu, Rsqrt, Tanh)
_OF_TWO = (Add, Maximum, Minimum, Mul, Prelu, SquaredDifference, Sub)


@dataclass(frozen=True, slots=True)
class _Link:
    """An operator that makes each element of its output of one element of `source`, and of a constant.

    constant  narrowed to its different values; None where there is none
    """

    position: int
    op: Op
    source: Tensor
    constant: Tensor | None = None

    @property
    def columns(self) -> int:
        """How many functions of one value it is."""
        return 1 if self.constant is None else self.constant.elements


def fuse_lookups(graph: Graph) -> Rewritten:
    """Runs of functions of one int8 value become one `lookup`, and so does a function of two that reads one tensor
    twice or a constant that is the same everywhere; what gives back every value, quantized as it was, disappears.

    Exact because the table is what the reference makes of all 256 values. Nothing else may read what lies between the
    operators of a run; float32 may lie there. A single function of one value stays: its kernel needs no table, or has
    one already.
    """
    rewriter = Rewriter(graph)
    for position in reversed(range(len(rewriter))):
        op = rewriter.op(position)
        last = None if op is None else _link(rewriter, position, op)
        if last is not None and rewriter.tensor(last.op.outputs[0]).dtype is DType.INT8:
            _fuse(rewriter, _run(rewriter, last))
    return rewriter.done()


def _link(rewriter: Rewriter, position: int, op: Op) -> _Link | None:
    """The operator as a function of one tensor's elements; None where it is none."""
    result = rewriter.tensor(op.outputs[0])
    if isinstance(op.attrs, _OF_ONE):
        return _Link(position, op, rewriter.tensor(op.inputs[0]))
    if not isinstance(op.attrs, _OF_TWO):
        return None
    a, b = (rewriter.tensor(i) for i in op.inputs)
    if a.id == b.id:
        return _Link(position, op, a)
    source, constant = (a, b) if a.data is None else (b, a)
    if constant.data is None or source.shape != result.shape:
        return None
    values = np.unique(constant.data)
    return _Link(position, op, source, replace(constant, shape=values.shape, data=values))


def _run(rewriter: Rewriter, last: _Link) -> list[_Link]:
    """The links before the last one that only serve it, and itself, from the first int8 tensor on."""
    run = [last]
    while last.columns == 1 and rewriter.only_reader(run[0].source.id, run[0].position):
        produced = rewriter.producer(run[0].source.id)
        before = None if produced is None else _link(rewriter, *produced)
        if before is None or before.columns > 1:
            break
        run.insert(0, before)
    while run and run[0].source.dtype is not DType.INT8:
        run.pop(0)
    return run


def _fuse(rewriter: Rewriter, run: Sequence[_Link]) -> None:
    if not run:
        return
    last = run[-1]
    source, result = run[0].source, rewriter.tensor(last.op.outputs[0])
    table = _table(rewriter, run)
    names = " and ".join(where(link.op) for link in run)
    if source.quant == result.quant and np.array_equal(table, np.broadcast_to(unary.EVERY_VALUE, table.shape)):
        rewriter.put(last.position, replace(last.op, inputs=(source.id, *last.op.inputs[1:])))
        if rewriter.bypass(last.position):
            _drop(rewriter, run)
            rewriter.note(f"{names} removed: {'it changes' if len(run) == 1 else 'together they change'} nothing")
            return
        rewriter.put(last.position, last.op)
    if last.columns == 1 and (len(run) > 1 or isinstance(last.op.attrs, _OF_TWO)):
        origin = tuple(sorted({i for link in run for i in link.op.origin}))
        rewriter.put(last.position, Op("lookup", (source.id,), (result.id,), Lookup(table.tobytes()), origin))
        _drop(rewriter, run)
        rewriter.note(f"{names} became one lookup")


def _table(rewriter: Rewriter, run: Sequence[_Link]) -> npt.NDArray[Any]:
    """What the run makes of each int8 value: [256, columns of the last link]."""
    ops = [link.op for link in run]
    tensors = {i: rewriter.tensor(i) for op in ops for i in (*op.inputs, *op.outputs) if i is not None}
    tensors |= {link.constant.id: link.constant for link in run if link.constant is not None}
    return unary.table(tensors, ops, run[-1].columns)


def _drop(rewriter: Rewriter, run: Sequence[_Link]) -> None:
    """Remove the operators that only served the last one."""
    for link in reversed(run[1:]):
        rewriter.drop_unread(link.source.id)
