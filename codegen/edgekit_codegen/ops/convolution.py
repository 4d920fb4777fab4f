"""What the records of convolutions share: weights under a sliding window, their bias and their epilogue.

A convolution has groups: every output channel reads the input channels of its group alone. A dense one has one group,
a depthwise one has a group per input channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape, Tensor
from ..reference.arithmetic import activation_range, convolution_factors
from . import linear, narrow, rules
from .attributes import Conv2D, DepthwiseConv2D, Padding, Pair, TransposeConv
from .record import CValue, Requant, Window


def attrs(op: Op) -> Conv2D | DepthwiseConv2D:
    return cast(Conv2D | DepthwiseConv2D, op.attrs)


def axis(op: Op) -> int:
    """The dimension of the weights that output channels run along: OHWI, depthwise 1HWO."""
    return 3 if isinstance(op.attrs, DepthwiseConv2D) else 0


def kernel(graph: Graph, op: Op) -> Pair:
    """(rows, pixels) of the weights."""
    _, rows, pixels, _ = graph.operand(op, 1).shape
    return rows, pixels


def bias(graph: Graph, op: Op) -> Tensor | None:
    return graph.operands(op)[2]


def matrix(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    """The weights as [out, rows * pixels * inputs of a group]."""
    data = graph.operand(op, 1).data
    assert data is not None
    first = np.moveaxis(data, axis(op), 0)
    return np.ascontiguousarray(first.reshape(len(first), -1))


def group(graph: Graph, op: Op) -> Pair:
    """(input channels, output channels) of one group."""
    depth = 1 if axis(op) == 3 else graph.operand(op, 1).shape[3]
    return depth, graph.operand(op, 1).shape[axis(op)] * depth // graph.operand(op, 0).shape[3]


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    a, image = attrs(op), graph.operand(op, 0).shape
    rows, pixels = rules.window_shape(graph, op, image, kernel(graph, op), a.stride, a.dilation, a.padding)
    return ((image[0], rows, pixels, graph.operand(op, 1).shape[axis(op)]),)


def check_tensors(graph: Graph, op: Op, layout: str) -> None:
    """Images, weights, bias and their quantization; `layout` says what the weights' dimensions are."""
    rules.require_arity(graph, op, inputs=3, required=2)
    x, weights, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, x, out)
    rules.require_image(graph, op, x, out)
    if len(weights.shape) != 4:
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} are not {layout}")
    rules.require_weights(graph, op, weights, axis(op))
    channels = weights.shape[axis(op)]
    rules.require_bias(graph, op, bias(graph, op), channels)
    rules.require_scalable(graph, op, *convolution_factors(x, weights, out, channels))
    rules.require_clamp(graph, op, attrs(op).activation, out)


def check_window(graph: Graph, op: Op) -> None:
    a = attrs(op)
    rules.require_window(graph, op, a.stride, a.dilation, a.padding)


def access(graph: Graph, op: Op) -> Window:
    a = attrs(op)
    return rules.window(graph, op, kernel(graph, op)[0], a.stride[0], a.dilation[0], a.padding.top)


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    a, (depth, outputs) = attrs(op), group(graph, op)
    channels = (box.c0 // outputs * depth, -(-box.c1 // outputs) * depth)
    return (rules.window_box(graph, op, box, channels, kernel(graph, op), a.stride, a.dilation, a.padding),)


def macs(graph: Graph, op: Op) -> int:
    """Every tap counts, padding included."""
    rows, pixels = kernel(graph, op)
    return graph.result(op).elements * rows * pixels * group(graph, op)[0]


def window_text(graph: Graph, op: Op) -> str:
    a = attrs(op)
    return linear.window_text(kernel(graph, op), a.stride, a.dilation)


def folds(op: Op) -> bool:
    """Without padding the input's zero point moves into the bias."""
    return not isinstance(op.attrs, TransposeConv) and attrs(op).padding == Padding()


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    """The window's parameters, in the order of the kernels' structs."""
    a = attrs(op)
    return {
        "kernel": kernel(graph, op),
        "stride": a.stride,
        "dilation": a.dilation,
        "pad": (a.padding.top, a.padding.left),
        **epilogue_params(graph, op),
    }


def epilogue_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out = graph.operand(op, 0), graph.result(op)
    low, high = activation_range(cast(Conv2D, op.attrs).activation, out)
    return {
        "in_zero": 0 if folds(op) else x.zero_point,
        "out_zero": out.zero_point,
        "act_min": low,
        "act_max": high,
    }


def largest(graph: Graph, op: Op) -> npt.NDArray[np.int64]:
    """The largest size that the sum of each output channel can have."""
    held = bias(graph, op)
    rows = matrix(graph, op)
    plain = np.zeros(len(rows), np.int64) if held is None or held.data is None else held.data.reshape(-1)
    return narrow.sums(plain.astype(np.int64), rows, graph.operand(op, 0).zero_point)


def factors(graph: Graph, op: Op) -> Sequence[float]:
    """Input scale * weight scale / output scale, per output channel."""
    x, w, out = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    return convolution_factors(x, w, out, w.shape[axis(op)])


def requant(graph: Graph, op: Op) -> Requant:
    folded = graph.operand(op, 0).zero_point if folds(op) else 0
    return linear.epilogue(bias(graph, op), matrix(graph, op), folded, factors(graph, op))


def packed(graph: Graph, op: Op) -> npt.NDArray[Any]:
    """The weights as the kernels of dense convolutions read them: see linear.pack, one group after the other."""
    _, outputs = group(graph, op)
    rows = matrix(graph, op)
    return np.concatenate([linear.pack(rows[o : o + outputs]) for o in range(0, len(rows), outputs)])
