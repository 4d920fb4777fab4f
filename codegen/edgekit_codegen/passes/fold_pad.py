"""Folds a stand-alone PAD into the layers that read it, which then skip the padding instead of multiplying it."""

from __future__ import annotations

from dataclasses import replace

from ..ir.types import Graph, Op, Tensor
from ..ops.attributes import Conv2D, DepthwiseConv2D, Pad, Padding, Pool2D
from .rewrite import Rewriter, Rewritten, where

_INT8_MIN = -128


def fold_pad(graph: Graph) -> Rewritten:
    """PAD of rows and pixels into every conv2d, depthwise_conv2d and max_pool2d behind it.

    Exact because both fill with the zero point of the same quantization. A max pool ignores its padding, so there it
    is exact only where the zero point is the smallest int8; an average pool counts valid elements only, so never.
    All readers of the padded tensor must accept the fold, otherwise the PAD stays.
    """
    rewriter = Rewriter(graph)
    for position in range(len(rewriter)):
        op = rewriter.op(position)
        if op is not None and isinstance(op.attrs, Pad):
            _fold(rewriter, op, op.attrs)
    return rewriter.done()


def _fold(rewriter: Rewriter, pad: Op, attrs: Pad) -> None:
    source, padded = rewriter.tensor(pad.inputs[0]), rewriter.tensor(pad.outputs[0])
    readers = rewriter.readers(padded.id)
    if rewriter.is_output(padded.id) or not readers or source.quant != padded.quant or not _only_image(attrs):
        return
    folded = [(position, _padded(op, pad, attrs, padded)) for position, op in readers]
    accepted = [(position, op) for position, op in folded if op is not None and rewriter.accepts(op)]
    if len(accepted) != len(readers):
        return
    for position, op in accepted:
        rewriter.put(position, op)
    rewriter.drop_unread(padded.id)
    rewriter.note(f"{where(pad)} folded into {', '.join(where(op) for _, op in readers)}")


def _only_image(attrs: Pad) -> bool:
    """Zero points around rows and pixels of an NHWC image, nothing else."""
    return attrs.value is None and len(attrs.amounts) == 4 and attrs.amounts[0] == (0, 0) and attrs.amounts[3] == (0, 0)


def _padded(op: Op, pad: Op, attrs: Pad, padded: Tensor) -> Op | None:
    """The reader with the PAD's amounts in its own padding; None where that is not exact."""
    exact = isinstance(op.attrs, Conv2D | DepthwiseConv2D) or (
        op.kind == "max_pool2d" and padded.zero_point == _INT8_MIN
    )
    if not exact or not isinstance(op.attrs, Conv2D | DepthwiseConv2D | Pool2D) or op.inputs[0] != padded.id:
        return None
    (top, bottom), (left, right) = attrs.amounts[1:3]
    own = op.attrs.padding
    padding = Padding(own.top + top, own.bottom + bottom, own.left + left, own.right + right)
    return replace(
        op,
        inputs=(pad.inputs[0], *op.inputs[1:]),
        attrs=replace(op.attrs, padding=padding),
        origin=tuple(sorted({*pad.origin, *op.origin})),
    )
