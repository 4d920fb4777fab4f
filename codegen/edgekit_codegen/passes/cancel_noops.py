"""Removes operators that change nothing, and pairs that undo each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..ir.types import Activation, DType, Graph, Op, Tensor
from ..ops import unary
from ..ops.attributes import Pad, Padding, Pool2D, Quantize, Relu, Reshape, Transpose
from ..reference.arithmetic import activation_range
from .fuse_activation import own_activation
from .rewrite import Rewriter, Rewritten, where


def cancel_noops(graph: Graph) -> Rewritten:
    """Exact removals only: each rule below says why the stored values stay the same.

    A removed operator's tensors must agree in quantization exactly, not only within the tolerance that the operator
    itself allows: what reads them next computes with their scale.
    """
    rewriter = Rewriter(graph)
    for position in reversed(range(len(rewriter))):
        _drop_dead(rewriter, position)
    for position in range(len(rewriter)):
        for rule in _RULES:
            op = rewriter.op(position)
            if op is not None and op.kind in rule.kinds:
                rule.apply(rewriter, position, op)
    return rewriter.done()


def _drop_dead(rewriter: Rewriter, position: int) -> None:
    """Nothing reads its outputs."""
    op = rewriter.op(position)
    if op is not None and not any(rewriter.readers(i) or rewriter.is_output(i) for i in op.outputs):
        rewriter.remove(position)
        rewriter.note(f"{where(op)} removed: nothing reads its output")


def _identity(rewriter: Rewriter, position: int, op: Op) -> None:
    """An operator whose values, shape and quantization are those of its input."""
    source, result = rewriter.tensor(op.inputs[0]), rewriter.tensor(op.outputs[0])
    same = source.shape == result.shape and source.dtype is result.dtype and source.quant == result.quant
    if same and _keeps_values(rewriter, op, source, result) and rewriter.bypass(position):
        rewriter.note(f"{where(op)} removed: it changes nothing")


def _keeps_values(rewriter: Rewriter, op: Op, source: Tensor, result: Tensor) -> bool:
    """Given equal shape and quantization at both ends."""
    attrs = op.attrs
    if isinstance(attrs, Transpose):
        return _keeps_order(attrs.permutation, source)
    if isinstance(attrs, Pad):
        return not any(map(any, attrs.amounts))
    if isinstance(attrs, Pool2D):
        alone = attrs.kernel == (1, 1) and attrs.stride == (1, 1) and attrs.padding == Padding()
        return alone and attrs.activation is Activation.NONE
    if isinstance(attrs, Relu):
        low, high = activation_range(attrs.activation, result)
        produced = rewriter.producer(source.id)
        before = None if produced is None else own_activation(produced[1].attrs)
        bounds = (-128, 127) if before is None else activation_range(before, source)
        return low <= bounds[0] and bounds[1] <= high
    return isinstance(attrs, Reshape | Quantize)  # a requantization by the factor 1 is exact


def _keeps_order(permutation: tuple[int, ...], source: Tensor) -> bool:
    """Only dimensions of size 1 move, so the elements stay where they are."""
    moved = [i for i in permutation if source.shape[i] > 1]
    return moved == sorted(moved)


def _transpose_as_reshape(rewriter: Rewriter, position: int, op: Op) -> None:
    """A transpose that keeps the elements' order is a reshape, which needs no code."""
    if isinstance(op.attrs, Transpose) and _keeps_order(op.attrs.permutation, rewriter.tensor(op.inputs[0])):
        reshape = replace(op, kind="reshape", attrs=Reshape())
        if rewriter.accepts(reshape):
            rewriter.put(position, reshape)
            rewriter.note(f"{where(op)} became a reshape: only dimensions of size 1 move")


def _mean_as_reshape(rewriter: Rewriter, position: int, op: Op) -> None:
    """The mean of one element, in the same scale, is that element."""
    source, result = rewriter.tensor(op.inputs[0]), rewriter.tensor(op.outputs[0])
    reshape = replace(op, kind="reshape", attrs=Reshape())
    if source.elements == result.elements and source.quant == result.quant and rewriter.accepts(reshape):
        rewriter.put(position, reshape)
        rewriter.note(f"{where(op)} became a reshape: it averages single elements")


def _reshape_of_reshape(rewriter: Rewriter, position: int, op: Op) -> None:
    """The second alone gives the same: reshapes move nothing."""
    first = _private_producer(rewriter, position, op, "reshape")
    if first is None:
        return
    direct = replace(op, inputs=first.inputs, origin=_both(first, op))
    if rewriter.accepts(direct):
        rewriter.put(position, direct)
        rewriter.drop_unread(first.outputs[0])
        rewriter.note(f"{where(first)} and {where(op)} became one reshape")


def _reshape_before_fully_connected(rewriter: Rewriter, position: int, op: Op) -> None:
    """A fully connected layer reads its input as [batch, in] whatever the shape; it must infer the same output."""
    first = _private_producer(rewriter, position, op, "reshape")
    if first is None or rewriter.tensor(first.inputs[0]).quant != rewriter.tensor(first.outputs[0]).quant:
        return
    direct = replace(op, inputs=(first.inputs[0], *op.inputs[1:]))
    if rewriter.accepts(direct):
        rewriter.put(position, direct)
        rewriter.drop_unread(first.outputs[0])
        rewriter.note(f"{where(first)} removed: {where(op)} reads its input equally")


def _transpose_of_transpose(rewriter: Rewriter, position: int, op: Op) -> None:
    """Output dimension i of the second is dimension first[second[i]] of the first's input."""
    first = _private_producer(rewriter, position, op, "transpose")
    if first is None or not isinstance(first.attrs, Transpose) or not isinstance(op.attrs, Transpose):
        return
    permutation = tuple(first.attrs.permutation[i] for i in op.attrs.permutation)
    direct = replace(op, inputs=first.inputs, attrs=Transpose(permutation), origin=_both(first, op))
    if rewriter.accepts(direct):
        rewriter.put(position, direct)
        rewriter.drop_unread(first.outputs[0])
        rewriter.note(f"{where(first)} and {where(op)} became one transpose")


def _requantize_pair(rewriter: Rewriter, position: int, op: Op) -> None:
    """int8 to float32 or to another scale, and back to int8: one requantization where all 256 values agree."""
    first = _private_producer(rewriter, position, op, "dequantize", "quantize")
    if first is None:
        return
    source, between = rewriter.tensor(first.inputs[0]), rewriter.tensor(first.outputs[0])
    result = rewriter.tensor(op.outputs[0])
    direct = replace(op, inputs=first.inputs, origin=_both(first, op))
    if source.dtype is not DType.INT8 or result.dtype is not DType.INT8 or not rewriter.accepts(direct):
        return
    tensors = {t.id: t for t in (source, between, result)}
    if np.array_equal(unary.table(tensors, (first, op)), unary.table(tensors, (direct,))):
        rewriter.put(position, direct)
        rewriter.drop_unread(first.outputs[0])
        rewriter.note(f"{where(first)} and {where(op)} became one quantize")


def _private_producer(rewriter: Rewriter, position: int, op: Op, *kinds: str) -> Op | None:
    """The operator of one of these kinds that writes input 0, when only the operator at `position` reads it."""
    produced = rewriter.producer(op.inputs[0])
    if produced is None or op.inputs[0] is None or produced[1].kind not in kinds:
        return None
    return produced[1] if rewriter.only_reader(op.inputs[0], position) else None


def _both(first: Op, second: Op) -> tuple[int, ...]:
    return tuple(sorted({*first.origin, *second.origin}))


class _Rule:
    def __init__(self, apply: Callable[[Rewriter, int, Op], None], *kinds: str) -> None:
        self.apply, self.kinds = apply, frozenset(kinds)


_RULES = (
    _Rule(_transpose_of_transpose, "transpose"),
    _Rule(_requantize_pair, "quantize"),
    _Rule(_identity, "reshape", "transpose", "pad", "quantize", "relu", "average_pool2d", "max_pool2d"),
    _Rule(_transpose_as_reshape, "transpose"),
    _Rule(_mean_as_reshape, "mean"),
    _Rule(_reshape_of_reshape, "reshape"),
    _Rule(_identity, "reshape"),
    _Rule(_reshape_before_fully_connected, "fully_connected"),
)
