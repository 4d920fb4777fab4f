"""Instructions of kernels, estimated: what a call for some pixels of one row executes.

Figures of convolutions and depthwise convolutions are those of calls on an emulated Cortex-M7, GCC 12, -O2, kernels for
the DSP extension, to which they were fitted (tests/test_prices.py); those of other kinds were fitted to whole layers of
seven int8 networks. Another compiler, core or kernel changes all of them; schedules of one model compare alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .ir.types import Graph, Op
from .ops import TABLE, conv2d, convolution, depthwise_conv2d


@dataclass(frozen=True, slots=True)
class Price:
    """Instructions of a call, of each of its pixels, and how many more where a pixel has no partner, their number being
    odd."""

    call: float
    pixel: float
    alone: float = 0.0

    def of(self, pixels: int) -> float:
        """A call for some pixels."""
        return self.call + pixels * self.pixel + pixels % 2 * self.alone


@dataclass(frozen=True, slots=True)
class Rate:
    """Instructions per output element, per element of the operands, and per multiply-accumulate."""

    written: float
    read: float = 0.0
    mac: float = 0.0


ELEMENTWISE = Rate(40)
"""Of kinds that RATES does not name: an activation, a requantization."""

_REDUCES = Rate(10, 6)
_POOLS = Rate(15, 7)
_MOVES = Rate(5)
_PLAIN = Rate(48, mac=3.0)

RATES: Mapping[str, Rate] = {
    "fully_connected": Rate(14, mac=1.1),
    "transpose_conv": _PLAIN,
    "batch_matmul": _PLAIN,
    "partial_sums": Rate(12, mac=1.65),
    "requantize_sums": Rate(48),
    "add": Rate(4, 7),
    "average_pool2d": Rate(15, 1.6),
    "max_pool2d": _POOLS,
    "quantize": Rate(20),
    "dequantize": Rate(12),
    **dict.fromkeys(("mean", "sum", "reduce_max", "reduce_min", "arg_max", "arg_min"), _REDUCES),
    **dict.fromkeys(("concatenation", "gather", "mirror_pad", "pad", "strided_slice", "tile", "transpose"), _MOVES),
    "softmax": Rate(150),
    "log_softmax": Rate(150),
}


Pricing = Callable[[Graph, Op], Price]


class Prices:
    """The prices of one graph's operators, each worked out once."""

    def __init__(self, pricing: Pricing) -> None:
        self._pricing = pricing
        self._known: dict[Op, Price] = {}

    def __call__(self, graph: Graph, op: Op) -> Price:
        if op not in self._known:
            self._known[op] = self._pricing(graph, op)
        return self._known[op]


def evenly(graph: Graph, op: Op) -> Price:
    """As if calls cost nothing and every pixel the same: plans that it leads to execute few multiply-accumulates."""
    pixels = graph.result(op).hwc[1]
    return Price(0, price(graph, op).of(pixels) / pixels)


def price(graph: Graph, op: Op) -> Price:
    """Of an operator's kernel."""
    if op.kind in _FORMS:
        return _FORMS[op.kind](graph, op)
    rate, out = RATES.get(op.kind, ELEMENTWISE), graph.result(op)
    read = sum(t.elements for t in TABLE[op.kind].operands(graph, op))
    once = rate.mac * TABLE[op.kind].macs(graph, op) + rate.written * out.elements + rate.read * read
    return Price(0, once / (out.hwc[0] * out.hwc[1]))


def _conv2d(graph: Graph, op: Op) -> Price:
    form, (rows, pixels) = conv2d.form(graph, op), convolution.kernel(graph, op)
    (depth, _), channels = convolution.group(graph, op), graph.result(op).shape[3]
    window = rows * pixels * depth
    if form is conv2d.Form.PLAIN:
        return Price(150, 3.25 * window * channels + 100 * channels)
    copied = 0
    if form is conv2d.Form.COPIED_PAIRS:
        window, rows, copied = -(-window // 4) * 4, 1, window + 6 * rows
    alone = window * channels * 1.125 + channels * (11.25 + 1.75 * rows) + 15.5 * rows + 70
    both = window * channels * 2.09 + channels * (18.3 + 2.51 * rows) + 15.5 * rows + 50
    if form is conv2d.Form.COPIED_PAIRS or conv2d.spare(graph, op):
        quads, low = -(-channels // 4), graph.result(op).zero_point == -128
        both = quads * (6.375 * window + (69 if low else 77)) + 2.25 * window + 16 * rows + 70
    border = 0.0
    if form is conv2d.Form.PADDED_PAIRS:
        down, across, whole = _inside(graph, op)
        missing = window - down * across * depth
        border = (1 - whole) * (alone - both / 2) - 1.125 * missing * channels
    single = alone - both / 2
    if conv2d.couples(graph, op):
        height = graph.result(op).hwc[0]
        single *= height % 2 / height  # where rows come two by two, as they do layer by layer
    return Price(140, copied + both / 2 + border, single)


PLANE_BYTE, PLANE_PIXEL = 2.5, 18
"""Instructions, about, to copy a byte, and each pixel, of a plane, and to put what replaces it in its place."""


def over_input(graph: Graph, op: Op) -> float:
    """Instructions, about, beyond those of layer by layer where an operator overwrites its input plane by plane."""
    found, out = TABLE[op.kind].planar(graph, op), graph.result(op)
    if found is None:
        return 0.0
    rows, pixels, channels = out.hwc
    planes = -(-channels // found.channels)
    again = (planes - 1) * rows * _depthwise(graph, op, 0).of(pixels)
    return PLANE_BYTE * out.elements + PLANE_PIXEL * planes * rows * pixels + again


def _depthwise(graph: Graph, op: Op, channels: int | None = None) -> Price:
    """channels: so many of them instead of all"""
    form = depthwise_conv2d.form(graph, op)
    channels = graph.result(op).shape[3] if channels is None else channels
    if form is depthwise_conv2d.Form.COLUMNS:
        low = graph.result(op).zero_point == -128
        if convolution.attrs(op).stride[1] == 1:
            left = convolution.attrs(op).padding.left > 0
            return Price((50 - 10 * left) * channels + 166, (21 - low) * channels)
        return Price(40 * channels + 166, (27 - low) * channels)
    down, across, _ = _inside(graph, op)
    if form is depthwise_conv2d.Form.TILES:
        return Price(77, channels * (3.25 * down * across + 2 * down + 11.5) + 14 * down + 109)
    return Price(77, channels * (5 * down * across + 30))


def _inside(graph: Graph, op: Op) -> tuple[float, float, float]:
    """Rows and pixels of a window that are inside the image, on average, and the share of windows that are so whole."""
    attrs, x, out, kernel = convolution.attrs(op), graph.operand(op, 0), graph.result(op), convolution.kernel(graph, op)
    means, whole = [], 1.0
    for i, before in enumerate((attrs.padding.top, attrs.padding.left)):
        taps = np.arange(kernel[i]) * attrs.dilation[i] - before
        places = np.arange(out.shape[1 + i])[:, np.newaxis] * attrs.stride[i] + taps
        inside = ((places >= 0) & (places < x.shape[1 + i])).sum(axis=1)
        means.append(float(inside.mean()))
        whole *= float((inside == kernel[i]).mean())
    return means[0], means[1], whole


_FORMS: Mapping[str, Pricing] = {"conv2d": _conv2d, "depthwise_conv2d": _depthwise}
"""Of kinds whose kernels differ by the layer."""
