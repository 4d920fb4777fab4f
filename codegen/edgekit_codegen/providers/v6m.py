"""Kernels for Armv6-M, the instruction set of Cortex-M0 and Cortex-M0+: c/kernels/*_v6m.h.

Scaling by products of 32 bits is proved to equal the reference (v6m_scale.py, v6m_sum.py), as it does for nearly all
layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from ..ops import add, conv2d, convolution, fully_connected, linear
from ..ops.record import CValue, Kernel, Requant
from . import v6m_scale, v6m_sum
from .offer import Offer, Provider

_INT8 = (-128, 127)
_GROUP = 2  # taps
_GROUP_BYTES = 12
_TILE = 4  # EK_V6M_TILE
_DEPTHWISE_ROWS = 8  # EK_DEPTHWISE_V6M_ROWS


def _conv2d_requant(graph: Graph, op: Op) -> Requant:
    """The zero point is folded whatever the padding: the kernel reads it there."""
    matrix, zero = convolution.matrix(graph, op), graph.operand(op, 0).zero_point
    return linear.epilogue(convolution.bias(graph, op), matrix, zero, convolution.factors(graph, op))


def _conv2d_scale(graph: Graph, op: Op) -> v6m_scale.Scale | None:
    """None where epilogues are as they are defined."""
    if _clamps(convolution.epilogue_params(graph, op)):
        return None
    low, high = v6m_scale.ends(convolution.matrix(graph, op))
    return v6m_scale.scale(low, high, _conv2d_requant(graph, op), graph.result(op).zero_point)


def _clamps(params: Mapping[str, CValue]) -> bool:
    """Whether outputs are clamped further than to int8."""
    return (params["act_min"], params["act_max"]) != _INT8


def _epilogue(params: Mapping[str, CValue], scale: v6m_scale.Scale | None) -> Mapping[str, CValue]:
    """The fields of kernels for either kind of epilogues."""
    words, centre = (0, 0) if scale is None else (scale.words, scale.centre)
    return {"words": words, "centre": centre, **{name: params[name] for name in ("out_zero", "act_min", "act_max")}}


def _epilogues(scale: v6m_scale.Scale | None, requant: Requant) -> npt.NDArray[np.int8]:
    if scale is not None:
        return scale.packed
    table = np.stack([requant.bias, requant.multiplier, requant.shift], axis=1).astype("<i4")
    return np.ascontiguousarray(table).view(np.int8).reshape(-1)


def _groups_fit(matrix: npt.NDArray[np.int8]) -> bool:
    """Whether the sums of two taps fit 16 bits, as they do unless two weights side by side are -128."""
    return int(np.abs(matrix.astype(np.int64)).max(initial=0)) < 128


def _depthwise_columns(graph: Graph, op: Op) -> bool:
    """Whether c/kernels/ek_v6m_columns.h knows the window and its padding."""
    a, x, out = convolution.attrs(op), graph.operand(op, 0), graph.result(op)
    if convolution.kernel(graph, op) != (3, 3) or a.dilation != (1, 1) or a.stride[1] > 2:
        return False
    before = a.padding.top, a.padding.left
    behind = ((out.shape[i] - 1) * a.stride[i - 1] - before[i - 1] + 3 - x.shape[i] for i in (1, 2))
    return max(*before, *behind) <= 1


def _depthwise_scale(graph: Graph, op: Op) -> v6m_scale.Scale | None:
    """Where padding is left out, sums are of inputs less their zero point, and any of them may be missing."""
    if _clamps(convolution.epilogue_params(graph, op)):
        return None
    if _depthwise_columns(graph, op):
        return _conv2d_scale(graph, op)
    matrix, zero = convolution.matrix(graph, op).astype(np.int64), graph.operand(op, 0).zero_point
    both = matrix * (-128 - zero), matrix * (127 - zero)
    low, high = (np.minimum(*both).sum(axis=1), np.maximum(*both).sum(axis=1))
    requant = linear.epilogue(convolution.bias(graph, op), matrix, 0, convolution.factors(graph, op))
    return v6m_scale.scale(low, high, requant, graph.result(op).zero_point)


def _depthwise_scaled(graph: Graph, op: Op) -> v6m_scale.Scale:
    found = _depthwise_scale(graph, op)
    assert found is not None
    return found


def _depthwise_applies(graph: Graph, op: Op) -> bool:
    channels, (rows, _) = len(convolution.matrix(graph, op)), convolution.kernel(graph, op)
    if channels != graph.operand(op, 0).shape[3] or rows > _DEPTHWISE_ROWS:
        return False
    return _depthwise_scale(graph, op) is not None


def _depthwise_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x, scale = convolution.attrs(op), graph.operand(op, 0), _depthwise_scaled(graph, op)
    return {
        "in_w": x.shape[2],
        "channels": x.shape[3],
        "kernel": convolution.kernel(graph, op),
        "stride": a.stride[1],
        "dilation": a.dilation[1],
        "pad": a.padding.left,
        "in_zero": x.zero_point,
        "words": scale.words,
        "centre": scale.centre,
        "columns": int(_depthwise_columns(graph, op)),
    }


def _depthwise_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    matrix, scale = convolution.matrix(graph, op), _depthwise_scaled(graph, op)
    filled = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % 4)))
    return np.concatenate([scale.packed.reshape(len(matrix), -1), filled], axis=1).reshape(-1)


def _conv2d_applies(graph: Graph, op: Op) -> bool:
    if conv2d.groups(graph, op) > 1 or convolution.attrs(op).dilation[1] > 1:
        return False
    return _groups_fit(convolution.matrix(graph, op))


def _conv2d_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x = convolution.attrs(op), graph.operand(op, 0)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_c": graph.result(op).shape[3],
        "kernel": convolution.kernel(graph, op),
        "stride": a.stride[1],
        "pad": a.padding.left,
        "in_zero": x.zero_point,
        **_epilogue(convolution.epilogue_params(graph, op), _conv2d_scale(graph, op)),
    }


def _runs(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    """[out, rows, taps of a row], an even number of them."""
    matrix = convolution.matrix(graph, op)
    runs = matrix.reshape(len(matrix), convolution.kernel(graph, op)[0], -1)
    return np.pad(runs, ((0, 0), (0, 0), (0, runs.shape[2] % _GROUP)))


def _biased(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Weights + 128, as bytes without sign."""
    return (weights.reshape(-1).view(np.uint8) ^ 0x80).view(np.int8)


def _conv2d_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    epilogues = _epilogues(_conv2d_scale(graph, op), _conv2d_requant(graph, op))
    return np.concatenate([epilogues, _biased(np.ascontiguousarray(_runs(graph, op)))])


def _conv2d_spare(graph: Graph, op: Op) -> int:
    """For the groups of two pixels."""
    (rows, pixels), depth = convolution.kernel(graph, op), graph.operand(op, 0).shape[3]
    return rows * -(-pixels * depth // _GROUP) * _GROUP_BYTES


def _conv2d_couples(graph: Graph, op: Op) -> bool:
    """Where windows are pixels, of which one in each row would be alone."""
    a = convolution.attrs(op)
    pointwise = convolution.kernel(graph, op) == a.stride == (1, 1) and convolution.folds(op)
    return pointwise and graph.result(op).shape[2] % 2 == 1


def _fully_connected_scale(graph: Graph, op: Op) -> v6m_scale.Scale | None:
    """None where epilogues are as they are defined."""
    if _clamps(fully_connected.params(graph, op)):
        return None
    requant, zero = fully_connected.plain_requant(graph, op), graph.result(op).zero_point
    return v6m_scale.scale(*v6m_scale.ends(fully_connected.matrix(graph, op)), requant, zero)


def _fully_connected_applies(graph: Graph, op: Op) -> bool:
    """A vector is in one row."""
    plain = fully_connected.params(graph, op)
    row, in_c = plain["row"], plain["in_c"]
    assert isinstance(row, int) and isinstance(in_c, int)
    return in_c <= row and plain["weights_zero"] == 0


def _fully_connected_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    plain, scale = fully_connected.params(graph, op), _fully_connected_scale(graph, op)
    return {"in_c": plain["in_c"], "out_c": plain["out_c"], **_epilogue(plain, scale)}


def _fully_connected_weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    matrix = fully_connected.matrix(graph, op)
    filled = np.pad(matrix, ((0, -len(matrix) % _TILE), (0, 0)))
    tiles = filled.reshape(-1, _TILE, matrix.shape[1]).transpose(0, 2, 1)
    epilogues = _epilogues(_fully_connected_scale(graph, op), fully_connected.plain_requant(graph, op))
    return np.concatenate([epilogues, _biased(np.ascontiguousarray(tiles))])


def _add_sum(graph: Graph, op: Op) -> v6m_sum.Sum | None:
    plain = add.params(graph, op)
    zeros, multipliers, shifts = (plain[name] for name in ("in_zero", "in_multiplier", "in_shift"))
    scale, limits = (plain["out_multiplier"], plain["out_shift"]), (plain["act_min"], plain["act_max"])
    return v6m_sum.fit(zeros, multipliers, shifts, scale, plain["out_zero"], limits)


def _add_applies(graph: Graph, op: Op) -> bool:
    """Rows are runs."""
    plain = add.params(graph, op)
    return plain["run"] == 1 and plain["channel_step"] == (1, 1) and _add_sum(graph, op) is not None


def _add_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    plain, found = add.params(graph, op), _add_sum(graph, op)
    assert found is not None
    return {
        "channels": plain["channels"],
        "factor": found.factors,
        "bias": found.bias,
        "shift": found.shift,
        "act_min": plain["act_min"],
        "act_max": plain["act_max"],
    }


PROVIDER: Provider = {
    "add": Offer(_add_applies, Kernel("add_v6m.h", "ek_add_v6m_row", "ek_add_v6m_t", _add_params)),
    "conv2d": Offer(
        _conv2d_applies,
        Kernel(
            "conv2d_v6m.h",
            "ek_conv2d_v6m_row",
            "ek_conv2d_v6m_t",
            _conv2d_params,
            _conv2d_weights,
            spare=_conv2d_spare,
            roomy="ek_conv2d_v6m_roomy_row",
            couples=_conv2d_couples,
        ),
    ),
    "depthwise_conv2d": Offer(
        _depthwise_applies,
        Kernel(
            "depthwise_conv2d_v6m.h",
            "ek_depthwise_conv2d_v6m_row",
            "ek_depthwise_conv2d_v6m_t",
            _depthwise_params,
            _depthwise_weights,
        ),
    ),
    "fully_connected": Offer(
        _fully_connected_applies,
        Kernel(
            "fully_connected_v6m.h",
            "ek_fully_connected_v6m_row",
            "ek_fully_connected_v6m_t",
            _fully_connected_params,
            _fully_connected_weights,
        ),
    ),
}
