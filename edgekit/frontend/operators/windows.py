"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding, Pair, Pool2D, Resize, TransposeConv

from ..flatbuffer import Record
from ..padding import same_padding
from ..source import Source
from .record import Translation

_SAME, _VALID = 0, 1  # schema enum Padding
_MAX_WINDOW = 4096  # rows or pixels of a kernel, stride or dilated kernel


def _conv2d(source: Source) -> Op:
    options = source.options("Conv2DOptions")
    image, kernel = _image(source), _kernel(source)
    stride, dilation = _stride(source, options), _dilation(source, options, kernel)
    attrs = Conv2D(
        stride=stride,
        dilation=dilation,
        padding=_padding(source, options, image, kernel, stride, dilation),
        activation=source.activation(options),
    )
    return source.op("conv2d", attrs, inputs=3, optional=1)


def _depthwise_conv2d(source: Source) -> Op:
    options = source.options("DepthwiseConv2DOptions")
    image, kernel = _image(source), _kernel(source)
    stride, dilation = _stride(source, options), _dilation(source, options, kernel)
    channels, outputs = source.input(0).shape[3], source.input(1).shape[3]
    if outputs % channels:
        raise source.error("operator.shape", f"{outputs} output channels are no multiple of {channels} input channels")
    attrs = DepthwiseConv2D(
        stride=stride,
        dilation=dilation,
        padding=_padding(source, options, image, kernel, stride, dilation),
        multiplier=outputs // channels,  # the option may be 0 in files; the shapes decide
        activation=source.activation(options),
    )
    return source.op("depthwise_conv2d", attrs, inputs=3, optional=1)


def _transpose_conv(source: Source) -> Op:
    """Inputs are (output shape, weights, x, bias): the window is padded as if it went from the output to the input."""
    options = source.options("TransposeConvOptions")
    shape = source.parameter(0, "output shape")
    if len(shape) != 4:
        raise source.error("operator.parameter", f"its output shape {list(shape)} is not of rank 4 (NHWC)")
    kernel, stride, size = _kernel(source), _stride(source, options), (shape[1], shape[2])
    cut = _padding(source, options, size, kernel, stride, (1, 1))
    attrs = TransposeConv(size, stride, (cut.top, cut.left), source.activation(options))
    bias = source.operator.inputs[3] if len(source.operator.inputs) > 3 else None
    inputs = (source.input(2).id, source.input(1).id, bias)
    return Op("transpose_conv", inputs, (source.output().id,), attrs, (source.operator.index,))


def _resize(kind: str, table: str) -> Callable[[Source], Op]:
    def translate_resize(source: Source) -> Op:
        options, size = source.options_or_none(table), source.parameter(1, "size")
        if len(size) != 2:
            raise source.error("operator.parameter", f"its size {list(size)} is not (rows, pixels)")
        corners = options is not None and bool(options["align_corners"])
        centres = options is not None and bool(options["half_pixel_centers"])
        return source.op(kind, Resize((size[0], size[1]), corners, centres), inputs=1)

    return translate_resize


def _pool2d(kind: str) -> Callable[[Source], Op]:
    def translate_pool(source: Source) -> Op:
        options = source.options("Pool2DOptions")
        kernel = _window(source, "kernel", options["filter_height"], options["filter_width"])
        stride = _stride(source, options)
        padding = _padding(source, options, _image(source), kernel, stride, (1, 1))
        return source.op(kind, Pool2D(kernel, stride, padding, source.activation(options)), inputs=1)

    return translate_pool


def _image(source: Source) -> Pair:
    """(rows, pixels) of input 0."""
    shape = source.input(0).shape
    if len(shape) != 4:
        raise source.error(
            "operator.shape",
            f"its input has rank {len(shape)}, not 4 (NHWC)",
            "reshape the input to [batch, rows, pixels, channels]",
        )
    return shape[1], shape[2]


def _kernel(source: Source) -> Pair:
    """(rows, pixels) of the weights, which are OHWI or 1HWO."""
    shape = source.input(1).shape
    if len(shape) != 4:
        raise source.error("operator.shape", f"its weights have rank {len(shape)}, not 4")
    return shape[1], shape[2]


def _window(source: Source, what: str, rows: int, pixels: int) -> Pair:
    if not (1 <= rows <= _MAX_WINDOW and 1 <= pixels <= _MAX_WINDOW):
        raise source.error("operator.options", f"its {what} is {rows}x{pixels}; 1 to {_MAX_WINDOW} is possible")
    return int(rows), int(pixels)


def _stride(source: Source, options: Record) -> Pair:
    return _window(source, "stride", options["stride_h"], options["stride_w"])


def _dilation(source: Source, options: Record, kernel: Pair) -> Pair:
    dilation = _window(source, "dilation", options["dilation_h_factor"], options["dilation_w_factor"])
    _window(source, "dilated kernel", (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    return dilation


def _padding(source: Source, options: Record, image: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    mode = options["padding"]
    if mode == _VALID:
        return Padding()
    if mode != _SAME:
        raise source.error("operator.options", f"its padding mode {mode} is neither SAME nor VALID")
    top, bottom = same_padding(image[0], kernel[0], stride[0], dilation[0])
    left, right = same_padding(image[1], kernel[1], stride[1], dilation[1])
    return Padding(top, bottom, left, right)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "CONV_2D": Translation(_conv2d, (2, 3)),
        "DEPTHWISE_CONV_2D": Translation(_depthwise_conv2d, (2, 3)),
        "TRANSPOSE_CONV": Translation(_transpose_conv, (3, 4)),
        "RESIZE_BILINEAR": Translation(_resize("resize_bilinear", "ResizeBilinearOptions"), (2, 2)),
        "RESIZE_NEAREST_NEIGHBOR": Translation(
            _resize("resize_nearest_neighbor", "ResizeNearestNeighborOptions"), (2, 2)
        ),
        "AVERAGE_POOL_2D": Translation(_pool2d("average_pool2d"), (1, 1)),
        "MAX_POOL_2D": Translation(_pool2d("max_pool2d"), (1, 1)),
    }
)
