"""FULLY_CONNECTED: a matrix product with constant int8 weights, per tensor or per output channel.

Weights with one scale may have a zero point: sum((x - zx)(w - zw)) is sum(x * w) - zw * sum(x) and a constant.

The input's elements in order are read as [batch, in], whatever its rank. In the (rows, pixels, channels) view an
output row reads the block of input rows that holds its pixels, so a 4x4x8 image into [1, out] is a window of 4 rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from ..reference.arithmetic import activation_range, convolution_factors
from . import linear, narrow, pairs, rules
from .attributes import FullyConnected
from .record import CValue, Kernel, OpRecord, Requant, Window


def _attrs(op: Op) -> FullyConnected:
    return cast(FullyConnected, op.attrs)


def _bias(graph: Graph, op: Op) -> Tensor | None:
    return graph.operands(op)[2]


def matrix(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    """The weights as [out, in]."""
    weights = graph.operand(op, 1)
    assert weights.data is not None
    return weights.data


def weights_zero(graph: Graph, op: Op) -> int:
    """Zero where there is one scale per output channel."""
    quant = graph.operand(op, 1).quant
    return 0 if quant is None or quant.per_channel else quant.zero_point[0]


def _block(graph: Graph, op: Op) -> tuple[int, int]:
    """(input rows per output row, elements of an input row)."""
    rows, pixels, channels = graph.operand(op, 0).hwc
    return rows // graph.result(op).hwc[0], pixels * channels


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    x, (out_c, in_c) = graph.operand(op, 0), graph.operand(op, 1).shape
    if _attrs(op).keep_dims:
        if x.shape[-1:] != (in_c,):
            raise rules.illegal(graph, op, f"the last dimension of {rules.show(x)} is not {in_c}")
        return ((*x.shape[:-1], out_c),)
    if x.elements % in_c:
        raise rules.illegal(graph, op, f"the elements of {rules.show(x)} are no multiple of {in_c}")
    return ((x.elements // in_c, out_c),)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=3, required=2)
    x, weights, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_weights(graph, op, weights, axis=0, symmetric=False)
    if len(weights.shape) != 2:
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} are not [out, in]")
    rules.require_bias(graph, op, _bias(graph, op), weights.shape[0])
    rules.require_scalable(graph, op, *convolution_factors(x, weights, out, weights.shape[0]))
    rules.require_clamp(graph, op, _attrs(op).activation, out)
    infer(graph, op)
    depth, (_, length) = weights.shape[1], _block(graph, op)
    if x.hwc[0] % out.hwc[0] or (depth % length and length % depth):
        raise rules.unsupported(
            graph,
            op,
            f"the rows of {rules.show(x)} and vectors of {depth} elements overlap in parts",
            f"reshape the input to [batch, {depth}] before the layer",
        )


def access(graph: Graph, op: Op) -> Window:
    rows, _ = _block(graph, op)
    return Window(kernel=rows, stride=rows, dilation=1, pad=0)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    _, pixels, channels = graph.operand(op, 0).hwc
    rows, _ = _block(graph, op)
    if rows > 1:
        return (Box(box.y0 * rows, box.y1 * rows, 0, pixels, 0, channels),)
    depth = graph.operand(op, 1).shape[1]
    return (Box(box.y0, box.y1, box.x0 * depth // channels, -(-box.x1 * depth // channels), 0, channels),)


def macs(graph: Graph, op: Op) -> int:
    return graph.result(op).elements * graph.operand(op, 1).shape[1]


def describe(graph: Graph, op: Op) -> str:
    out_c, in_c = graph.operand(op, 1).shape
    return f"{in_c} to {out_c}" + linear.activation_text(_attrs(op).activation)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    out_c, in_c = graph.operand(op, 1).shape
    out = graph.result(op)
    low, high = activation_range(_attrs(op).activation, out)
    return {
        "row": _block(graph, op)[1],
        "in_c": in_c,
        "out_c": out_c,
        "weights_zero": weights_zero(graph, op),
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
        "pairs": int(in_pairs(graph, op)),
    }


def in_pairs(graph: Graph, op: Op) -> bool:
    """Whether the kernel computes outputs in pairs, see c/kernels/ek_pairs.h, exactly whatever the input."""
    if weights_zero(graph, op) != 0:
        return False
    (_, depth), length = matrix(graph, op).shape, _block(graph, op)[1]
    sizes = largest(graph, op)
    exact = narrow.finishes(sizes, plain_requant(graph, op), graph.result(op).zero_point)
    length = min(depth, length)
    return exact and narrow.pairs(sizes, matrix(graph, op)) and pairs.runs(depth // length, length) <= pairs.RUNS


def largest(graph: Graph, op: Op) -> npt.NDArray[np.int64]:
    """The largest size that the sum of each output can have, where the weights' zero point is 0."""
    held = _bias(graph, op)
    plain = 0 if held is None or held.data is None else held.data.reshape(-1).astype(np.int64)
    zero = graph.operand(op, 0).zero_point
    return narrow.sums(np.zeros(len(matrix(graph, op)), np.int64) + plain, matrix(graph, op), zero)


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    held = matrix(graph, op)
    if not in_pairs(graph, op):
        return linear.pack(held)
    length = min(held.shape[1], _block(graph, op)[1])
    return pairs.pack(held.reshape(len(held), -1, length), [plain_requant(graph, op).bias])


def plain_requant(graph: Graph, op: Op) -> Requant:
    """The epilogue as it is defined. The input's zero point is always folded into the bias: there is no padding."""
    x, w, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    factors = convolution_factors(x, w, out, w.shape[0])
    centred = matrix(graph, op).astype(np.int64) - weights_zero(graph, op)
    return linear.epilogue(_bias(graph, op), centred, x.zero_point, factors)


def requant(graph: Graph, op: Op) -> Requant:
    plain = plain_requant(graph, op)
    return pairs.epilogue(plain, graph.result(op).zero_point) if in_pairs(graph, op) else plain


RECORD = OpRecord(
    kind="fully_connected",
    attrs=FullyConnected,
    activations=1,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    macs=macs,
    describe=describe,
    kernel=Kernel("fully_connected.h", "ek_fully_connected_row", "ek_fully_connected_t", params, weights, requant),
)
