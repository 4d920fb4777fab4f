"""The working memory, in bytes, that CMSIS-NN's functions want on a core of a Target.isa.

Where functions of cores with the DSP extension want more than plain C does, "scalar" has what these want.
"""

from __future__ import annotations

import math

from ..ir.types import Graph, Op, Shape
from ..ops import convolution
from ..ops.attributes import DepthwiseConv2D

LANES = 16
COLUMNS = 4  # copies of windows that are multiplied at once with MVE
BLOCK = 124  # channels that a depthwise layer computes at once with MVE


def conv2d(isa: str, graph: Graph, op: Op) -> int:
    weights = graph.operand(op, 1).shape
    return _convolution(isa, graph, op, weights)


def depthwise_conv2d(isa: str, graph: Graph, op: Op) -> int:
    a, weights = convolution.attrs(op), dense(graph, op)
    (_, rows, pixels, out), (images, _, _, channels) = graph.operand(op, 1).shape, graph.operand(op, 0).shape
    if isa == "mve" and weights is not None:  # which are brought into that order
        return _convolution(isa, graph, op, weights) + math.prod(weights)
    if out != channels or images > 1 or a.dilation != (1, 1):
        return 0
    if isa == "mve":
        return COLUMNS * BLOCK * rows * pixels
    slides = (rows, pixels) == (3, 3) and max(a.padding.top, a.padding.left) <= 1
    return 0 if slides else 2 * channels * rows * pixels


def average_pool2d(isa: str, graph: Graph, op: Op) -> int:
    return 0 if isa == "mve" else 4 * graph.operand(op, 0).shape[3]


def none(isa: str, graph: Graph, op: Op) -> int:
    return 0


def dense(graph: Graph, op: Op) -> Shape | None:
    """The weights, as [out, rows, pixels, inputs of a group], of what CMSIS-NN computes as a dense convolution with
    MVE: depthwise layers of one channel with several outputs are among these, others not."""
    _, rows, pixels, out = graph.operand(op, 1).shape
    if not isinstance(op.attrs, DepthwiseConv2D):
        return graph.operand(op, 1).shape
    return (out, rows, pixels, 1) if graph.operand(op, 0).shape[3] == 1 and out > 1 else None


def in_a_row(graph: Graph, op: Op, weights: Shape) -> bool:
    """Whether CMSIS-NN computes a dense convolution as one of a single row."""
    a, (_, rows, _, depth) = convolution.attrs(op), graph.operand(op, 0).shape
    fits = weights[3] == depth and a.dilation[1] == 1 and a.stride[1] * depth % 4 == 0
    return fits and rows == weights[1] == 1 and not _pointwise(graph, op, weights)


def _pointwise(graph: Graph, op: Op, weights: Shape) -> bool:
    a, depth = convolution.attrs(op), graph.operand(op, 0).shape[3]
    unpadded = (a.padding.top, a.padding.left) == (0, 0)
    return unpadded and weights[1:] == (1, 1, depth) and a.dilation == (1, 1)


def padding_in_a_row(graph: Graph, op: Op, pixels: int) -> tuple[int, int]:
    """By how much windows of so many pixels reach beyond both ends of a row together, negative where they leave some of
    it out; and what remains of that on top of the same on both sides."""
    total = (graph.result(op).shape[2] - 1) * convolution.attrs(op).stride[1] + pixels - graph.operand(op, 0).shape[2]
    return total, total % 2


def _convolution(isa: str, graph: Graph, op: Op, weights: Shape) -> int:
    """weights: [out, rows, pixels, inputs of a group]."""
    if _pointwise(graph, op, weights):
        return 0
    copied = weights[1] * weights[2] * graph.operand(op, 0).shape[3]
    if isa != "mve":
        return 2 * 2 * -(-copied // 4) * 4
    ends = _ends(graph, op, weights[2]) if in_a_row(graph, op, weights) else None
    return COLUMNS * -(-copied // LANES) * LANES if ends is None else ends


def _ends(graph: Graph, op: Op, pixels: int) -> int | None:
    """What the padded ends of a single row want; None where the row is too short for two of them."""
    left = convolution.attrs(op).padding.left
    right = left + padding_in_a_row(graph, op, pixels)[1]
    short = left + right > graph.result(op).shape[2]
    return None if short else graph.operand(op, 0).shape[3] * (pixels + max(left, right - 1))
