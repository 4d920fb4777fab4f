"""Kernels for Helium (MVE), the vectors of Cortex-M55 and Cortex-M85: c/kernels/*_mve.h.

Layers of products have one where their sums are less than 2^30 in size and are scaled by less than 1/2, as nearly all
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from ..ops import TABLE, add, conv2d, convolution, fully_connected, linear, pooling
from ..ops.record import CValue, Kernel, Requant
from . import mve_weights
from .offer import Offer, Provider

_SUM = 1 << 30


def _finishes(largest: npt.NDArray[np.int64], requant: Requant) -> bool:
    """Whether ek_mve_scale equals the reference for sums up to that size."""
    return bool((largest < _SUM).all() and (requant.shift < 0).all())


def _conv2d_requant(graph: Graph, op: Op) -> Requant:
    """The zero point is folded whatever the padding: the kernel reads it there."""
    zero = graph.operand(op, 0).zero_point
    matrix = convolution.matrix(graph, op)
    return linear.epilogue(convolution.bias(graph, op), matrix, zero, convolution.factors(graph, op))


def _conv2d_applies(graph: Graph, op: Op) -> bool:
    if conv2d.groups(graph, op) > 1 or convolution.attrs(op).dilation[1] > 1:
        return False
    return _finishes(convolution.largest(graph, op), _conv2d_requant(graph, op))


def _conv2d_copied(graph: Graph, op: Op) -> bool:
    """Whether windows are copied: where they are few inputs, and no row of them fills its vectors."""
    (rows, pixels), depth = convolution.kernel(graph, op), graph.operand(op, 0).shape[3]
    short = pixels * depth % mve_weights.PIECE != 0
    return rows > 1 and short and rows * pixels * depth <= mve_weights.WINDOW


def _conv2d_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x, out = convolution.attrs(op), graph.operand(op, 0), graph.result(op)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_c": out.shape[3],
        "kernel": convolution.kernel(graph, op),
        "stride": a.stride[1],
        "pad": a.padding.left,
        **convolution.epilogue_params(graph, op),
        "in_zero": x.zero_point,
        "copied": int(_conv2d_copied(graph, op)),
    }


def _conv2d_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    matrix = convolution.matrix(graph, op)
    runs = 1 if _conv2d_copied(graph, op) else convolution.kernel(graph, op)[0]
    return mve_weights.pack(matrix.reshape(len(matrix), runs, -1), _conv2d_requant(graph, op))


def _depthwise_applies(graph: Graph, op: Op) -> bool:
    matrix = convolution.matrix(graph, op)
    if len(matrix) != graph.operand(op, 0).shape[3] or matrix.shape[1] > mve_weights.TAPS:
        return False
    return mve_weights.pairs_fit(matrix) and _finishes(convolution.largest(graph, op), _conv2d_requant(graph, op))


def _depthwise_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x = convolution.attrs(op), graph.operand(op, 0)
    return {
        "in_w": x.shape[2],
        "channels": x.shape[3],
        "kernel": convolution.kernel(graph, op),
        "stride": a.stride[1],
        "dilation": a.dilation[1],
        "pad": a.padding.left,
        **convolution.epilogue_params(graph, op),
        "in_zero": x.zero_point,
        "together": max(mve_weights.LANES // x.shape[3], 1) if a.stride[1] == 1 else 1,
    }


def _depthwise_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    return mve_weights.lanes(convolution.matrix(graph, op), _conv2d_requant(graph, op))


def _fully_connected_applies(graph: Graph, op: Op) -> bool:
    if fully_connected.weights_zero(graph, op) != 0:
        return False
    return _finishes(fully_connected.largest(graph, op), fully_connected.plain_requant(graph, op))


def _fully_connected_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    plain = fully_connected.params(graph, op)
    return {name: plain[name] for name in ("row", "in_c", "out_c", "out_zero", "act_min", "act_max")}


def _fully_connected_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    matrix = fully_connected.matrix(graph, op)
    row = fully_connected.params(graph, op)["row"]
    assert isinstance(row, int)
    runs = matrix.reshape(len(matrix), -1, min(row, matrix.shape[1]))
    return mve_weights.pack(runs, fully_connected.plain_requant(graph, op))


def _add_applies(graph: Graph, op: Op) -> bool:
    """Rows are runs, and the sum is scaled by less than 1/2. The multiplier of the larger scale is 1/2 in any case."""
    plain = add.params(graph, op)
    return plain["run"] == 1 and plain["channel_step"] == (1, 1) and plain["out_shift"] != 0


def _average_applies(graph: Graph, op: Op) -> bool:
    """Sums fit in 16 bits."""
    rows, pixels = pooling.attrs(op).kernel
    return rows * pixels <= 255


def _reduction_applies(graph: Graph, op: Op) -> bool:
    """Channels lie side by side, and sums are not scaled up."""
    plain = _plain(op.kind).params(graph, op)
    return plain["channel_step"] == 1 and _shift(plain) <= 0


def _quantize_applies(graph: Graph, op: Op) -> bool:
    """Int8 to int8; 255 shifted to the left fits in 32 bits."""
    plain = _plain(op.kind).params(graph, op)
    return plain["from_float"] == 0 and _shift(plain) <= 22


def _mul_applies(graph: Graph, op: Op) -> bool:
    """No channels repeat; 255 * 255 shifted to the left fits in 32 bits."""
    plain = _plain(op.kind).params(graph, op)
    return plain["channel_step"] == (1, 1) and _shift(plain) <= 14


def _shift(plain: Mapping[str, CValue]) -> int:
    shift = plain["shift"]
    assert isinstance(shift, int)
    return shift


def _plain(kind: str) -> Kernel:
    kernel = TABLE[kind].kernel
    assert kernel is not None
    return kernel


def _same(kind: str, header: str, function: str, adding: str = "") -> Kernel:
    """The record's kernel with other functions: constants are the same."""
    return replace(_plain(kind), header=header, function=function, adding=adding)


def _always(graph: Graph, op: Op) -> bool:
    return True


_LOOKUPS = [kind for kind, record in TABLE.items() if record.kernel and record.kernel.header == "lookup.h"]

PROVIDER: Provider = {
    **{kind: Offer(_always, _same(kind, "lookup_mve.h", "ek_lookup_mve_row")) for kind in _LOOKUPS},
    **{
        kind: Offer(
            _reduction_applies, _same(kind, "reduce_sum_mve.h", "ek_reduce_sum_mve_row", "ek_reduce_sum_mve_add_row")
        )
        for kind in ("mean", "sum")
    },
    "max_pool2d": Offer(_always, _same("max_pool2d", "max_pool2d_mve.h", "ek_max_pool2d_mve_row")),
    "mul": Offer(_mul_applies, _same("mul", "mul_mve.h", "ek_mul_mve_row")),
    "quantize": Offer(_quantize_applies, _same("quantize", "quantize_mve.h", "ek_quantize_mve_row")),
    "add": Offer(_add_applies, Kernel("add_mve.h", "ek_add_mve_row", "ek_add_t", add.params)),
    "average_pool2d": Offer(
        _average_applies,
        Kernel(
            "average_pool2d_mve.h",
            "ek_average_pool2d_mve_row",
            "ek_average_pool2d_t",
            pooling.params,
            adding="ek_average_pool2d_mve_add_row",
        ),
    ),
    "conv2d": Offer(
        _conv2d_applies,
        Kernel("conv2d_mve.h", "ek_conv2d_mve_row", "ek_conv2d_mve_t", _conv2d_params, _conv2d_weights),
    ),
    "depthwise_conv2d": Offer(
        _depthwise_applies,
        Kernel(
            "depthwise_conv2d_mve.h",
            "ek_depthwise_conv2d_mve_row",
            "ek_depthwise_conv2d_mve_t",
            _depthwise_params,
            _depthwise_weights,
        ),
    ),
    "fully_connected": Offer(
        _fully_connected_applies,
        Kernel(
            "fully_connected_mve.h",
            "ek_fully_connected_mve_row",
            "ek_fully_connected_mve_t",
            _fully_connected_params,
            _fully_connected_weights,
        ),
    ),
}
