"""Fuses a stand-alone RELU into the operator in front of it, whose epilogue clamps anyway."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import Activation, Attrs, Graph, Tensor
from ..ops.attributes import Add, Conv2D, DepthwiseConv2D, FullyConnected, Mul, Pool2D, Relu, Sub, TransposeConv
from ..reference.arithmetic import activation_range
from .rewrite import Rewriter, Rewritten, where

_CLAMPING = (Conv2D, DepthwiseConv2D, TransposeConv, FullyConnected, Pool2D, Add, Sub, Mul, Relu)


def fuse_activation(graph: Graph) -> Rewritten:
    """RELU, RELU6 and RELU_N1_TO_1 into their producers.

    Exact when input and output have the same quantization, so that the stand-alone operator only clamps, when nothing
    else reads the unclamped tensor, and when both clamps together are one that an activation names.
    """
    rewriter = Rewriter(graph)
    for position in range(len(rewriter)):
        op = rewriter.op(position)
        if op is not None and isinstance(op.attrs, Relu):
            _fuse(rewriter, position)
    return rewriter.done()


def _fuse(rewriter: Rewriter, position: int) -> None:
    relu = rewriter.op(position)
    if relu is None or not isinstance(relu.attrs, Relu):
        return
    source, result = rewriter.tensor(relu.inputs[0]), rewriter.tensor(relu.outputs[0])
    produced = rewriter.producer(source.id)
    if produced is None or source.quant != result.quant or not rewriter.only_reader(source.id, position):
        return
    where_producer, producer = produced
    both = _together(own_activation(producer.attrs), relu.attrs.activation, result)
    if both is None or not isinstance(producer.attrs, _CLAMPING):
        return
    fused = replace(
        producer,
        outputs=(result.id,),
        attrs=replace(producer.attrs, activation=both),
        origin=tuple(sorted({*producer.origin, *relu.origin})),
    )
    if rewriter.accepts(fused):
        rewriter.remove(position)
        rewriter.put(where_producer, fused)
        rewriter.note(f"{where(relu)} ({relu.attrs.activation.value}) fused into {where(producer)}")


def own_activation(attrs: Attrs) -> Activation | None:
    """The clamp that an operator already ends with; None where its kind cannot clamp."""
    return attrs.activation if isinstance(attrs, _CLAMPING) else None


def _together(first: Activation | None, second: Activation, out: Tensor) -> Activation | None:
    """The activation whose clamp equals both clamps in turn on this tensor; None where there is none."""
    if first is None:
        return None
    a, b = activation_range(first, out), activation_range(second, out)
    low, high = max(a[0], b[0]), min(a[1], b[1])
    if low > high:
        return None
    candidates = (second, first, *Activation)
    return next((c for c in candidates if activation_range(c, out) == (low, high)), None)
