"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from edgekit_codegen.ir import Op, Shape
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding, Pair, Pool2D

from ..padding import same_padding
from ..source import Source
from .record import Translation

_SAME, _VALID = 0, 1  # schema enum Padding
_MAX_WINDOW = 4096  # rows or pixels of a kernel, stride or dilated kernel


def _conv2d(source: Source) -> Op:
    options = source.options("Conv2DOptions")
    kernel = _kernel(source)
    stride, dilation = _stride(source, options), _dilation(source, options, kernel)
    attrs = Conv2D(
        stride=stride,
        dilation=dilation,
        padding=_padding(source, options, kernel, stride, dilation),
        activation=source.activation(options),
    )
    return source.op("conv2d", attrs, inputs=3, optional=1)


def _depthwise_conv2d(source: Source) -> Op:
    options = source.options("DepthwiseConv2DOptions")
    kernel = _kernel(source)
    stride, dilation = _stride(source, options), _dilation(source, options, kernel)
    channels, outputs = source.input(0).shape[3], source.input(1).shape[3]
    if outputs % channels:
        raise source.error("operator.shape", f"{outputs} output channels are no multiple of {channels} input channels")
    attrs = DepthwiseConv2D(
        stride=stride,
        dilation=dilation,
        padding=_padding(source, options, kernel, stride, dilation),
        multiplier=outputs // channels,  # the option may be 0 in files; the shapes decide
        activation=source.activation(options),
    )
    return source.op("depthwise_conv2d", attrs, inputs=3, optional=1)


def _pool2d(kind: str) -> Callable[[Source], Op]:
    def translate_pool(source: Source) -> Op:
        options = source.options("Pool2DOptions")
        _image(source)
        kernel = _window(source, "kernel", options.FilterHeight(), options.FilterWidth())
        stride = _stride(source, options)
        padding = _padding(source, options, kernel, stride, (1, 1))
        return source.op(kind, Pool2D(kernel, stride, padding, source.activation(options)), inputs=1)

    return translate_pool


def _image(source: Source) -> Shape:
    shape = source.input(0).shape
    if len(shape) != 4:
        raise source.error("operator.shape", f"its input has rank {len(shape)}, not 4 (NHWC)")
    return shape


def _kernel(source: Source) -> Pair:
    """(rows, pixels) of the weights, which are OHWI or 1HWO."""
    _image(source)
    shape = source.input(1).shape
    if len(shape) != 4:
        raise source.error("operator.shape", f"its weights have rank {len(shape)}, not 4")
    return shape[1], shape[2]


def _window(source: Source, what: str, rows: int, pixels: int) -> Pair:
    if not (1 <= rows <= _MAX_WINDOW and 1 <= pixels <= _MAX_WINDOW):
        raise source.error("operator.options", f"its {what} is {rows}x{pixels}; 1 to {_MAX_WINDOW} is possible")
    return int(rows), int(pixels)


def _stride(source: Source, options: Any) -> Pair:
    return _window(source, "stride", options.StrideH(), options.StrideW())


def _dilation(source: Source, options: Any, kernel: Pair) -> Pair:
    dilation = _window(source, "dilation", options.DilationHFactor(), options.DilationWFactor())
    _window(source, "dilated kernel", (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    return dilation


def _padding(source: Source, options: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    mode = options.Padding()
    if mode == _VALID:
        return Padding()
    if mode != _SAME:
        raise source.error("operator.options", f"its padding mode {mode} is neither SAME nor VALID")
    _, height, width, _ = _image(source)
    top, bottom = same_padding(height, kernel[0], stride[0], dilation[0])
    left, right = same_padding(width, kernel[1], stride[1], dilation[1])
    return Padding(top, bottom, left, right)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "CONV_2D": Translation(_conv2d, (2, 3)),
        "DEPTHWISE_CONV_2D": Translation(_depthwise_conv2d, (2, 3)),
        "AVERAGE_POOL_2D": Translation(_pool2d("average_pool2d"), (1, 1)),
        "MAX_POOL_2D": Translation(_pool2d("max_pool2d"), (1, 1)),
    }
)
