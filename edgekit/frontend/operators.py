"""One translation per operator: the file's operator and options become the graph's operator and attributes.

What only concerns the file is settled here: padding modes become numbers, parameters that arrive as constant tensors
become attributes. Whether the result can be computed is the operator table's question, not this module's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edgekit_codegen.ir import Activation, Op, Shape
from edgekit_codegen.ops.attributes import (
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Mean,
    Pad,
    Padding,
    Pair,
    Pool2D,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Transpose,
)

from .flatbuffer import Record
from .padding import same_padding
from .source import Source

_SAME, _VALID = 0, 1  # schema enum Padding
_MAX_WINDOW = 4096  # rows or pixels of a kernel, stride or dilated kernel


@dataclass(frozen=True, slots=True)
class Translation:
    """inputs: how many inputs the operator may have in the file (least, most); it always has one output."""

    translate: Callable[[Source], Op]
    inputs: tuple[int, int]


def translate(source: Source) -> Op:
    """The graph's operator. Raises ModelError (`operator.*`), naming the operator and what to do."""
    name = source.operator.name
    if name not in TRANSLATIONS:
        raise source.error("operator.unsupported", "this operator is not supported", unsupported_hint(name))
    entry = TRANSLATIONS[name]
    least, most = entry.inputs
    given = len(source.operator.inputs)
    if not least <= given <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        raise source.error("operator.inputs", f"{given} inputs instead of {expected}")
    return entry.translate(source)


def unsupported_hint(name: str) -> str:
    """What to do about an operator that has no translation."""
    if name.startswith("CUSTOM"):
        return "custom operators cannot be compiled; rebuild the model from builtin operators"
    remedy = _REMEDIES.get(name, "replace it in the model")
    return f"{remedy}; supported are {', '.join(sorted(TRANSLATIONS))}"


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


def _fully_connected(source: Source) -> Op:
    options = source.options_or_none("FullyConnectedOptions")
    if options is not None and options["weights_format"] != 0:
        raise source.error(
            "operator.options", "its weights are in a shuffled order", "export without an accelerator's weight format"
        )
    keep_dims = options is not None and bool(options["keep_num_dims"])
    attrs = FullyConnected(keep_dims=keep_dims, activation=source.activation(options))
    return source.op("fully_connected", attrs, inputs=3, optional=1)


def _add(source: Source) -> Op:
    return source.op("add", Add(source.activation(source.options_or_none("AddOptions"))), inputs=2)


def _pool2d(kind: str) -> Callable[[Source], Op]:
    def translate_pool(source: Source) -> Op:
        options = source.options("Pool2DOptions")
        _image(source)
        kernel = _window(source, "kernel", options["filter_height"], options["filter_width"])
        stride = _stride(source, options)
        padding = _padding(source, options, kernel, stride, (1, 1))
        return source.op(kind, Pool2D(kernel, stride, padding, source.activation(options)), inputs=1)

    return translate_pool


def _mean(source: Source) -> Op:
    options = source.options_or_none("ReducerOptions")
    axes = tuple(sorted({_axis(source, a) for a in source.parameter(1, "axes")}))
    return source.op("mean", Mean(axes, options is not None and bool(options["keep_dims"])), inputs=1)


def _pad(source: Source) -> Op:
    amounts = source.parameter(1, "padding amounts")
    rank = len(source.input(0).shape)
    if len(amounts) != 2 * rank or min(amounts, default=0) < 0:
        raise source.error("operator.parameter", f"padding amounts {list(amounts)} do not fit rank {rank}")
    return source.op("pad", Pad(tuple(zip(amounts[::2], amounts[1::2], strict=True))), inputs=1)


def _softmax(source: Source) -> Op:
    beta = float(source.options("SoftmaxOptions")["beta"])
    if not (math.isfinite(beta) and beta > 0.0):
        raise source.error("operator.options", f"its beta {beta} is not a positive number", "use a softmax of beta 1")
    return source.op("softmax", Softmax(beta), inputs=1)


def _reshape(source: Source) -> Op:
    if len(source.operator.inputs) > 1:
        source.parameter(1, "shape")  # the output's own shape says the same; a computed one is an error
    return source.op("reshape", Reshape(), inputs=1)


def _transpose(source: Source) -> Op:
    permutation = tuple(_axis(source, a) for a in source.parameter(1, "permutation"))
    if sorted(permutation) != list(range(len(source.input(0).shape))):
        raise source.error("operator.parameter", f"{list(permutation)} is not a permutation of its dimensions")
    return source.op("transpose", Transpose(permutation), inputs=1)


def _relu(activation: Activation) -> Callable[[Source], Op]:
    return lambda source: source.op("relu", Relu(activation), inputs=1)


def _axis(source: Source, axis: int) -> int:
    """A dimension counted from the front. Raises ModelError when there is no such dimension."""
    rank = len(source.input(0).shape)
    if not -rank <= axis < rank:
        raise source.error("operator.parameter", f"there is no dimension {axis} in rank {rank}")
    return axis % rank


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


def _stride(source: Source, options: Record) -> Pair:
    return _window(source, "stride", options["stride_h"], options["stride_w"])


def _dilation(source: Source, options: Record, kernel: Pair) -> Pair:
    dilation = _window(source, "dilation", options["dilation_h_factor"], options["dilation_w_factor"])
    _window(source, "dilated kernel", (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    return dilation


def _padding(source: Source, options: Record, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    mode = options["padding"]
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
        "FULLY_CONNECTED": Translation(_fully_connected, (2, 3)),
        "ADD": Translation(_add, (2, 2)),
        "AVERAGE_POOL_2D": Translation(_pool2d("average_pool2d"), (1, 1)),
        "MAX_POOL_2D": Translation(_pool2d("max_pool2d"), (1, 1)),
        "MEAN": Translation(_mean, (2, 2)),
        "PAD": Translation(_pad, (2, 2)),
        "SOFTMAX": Translation(_softmax, (1, 1)),
        "RESHAPE": Translation(_reshape, (1, 2)),
        "TRANSPOSE": Translation(_transpose, (2, 2)),
        "QUANTIZE": Translation(lambda source: source.op("quantize", Quantize(), inputs=1), (1, 1)),
        "DEQUANTIZE": Translation(lambda source: source.op("dequantize", Dequantize(), inputs=1), (1, 1)),
        "RELU": Translation(_relu(Activation.RELU), (1, 1)),
        "RELU6": Translation(_relu(Activation.RELU6), (1, 1)),
        "RELU_N1_TO_1": Translation(_relu(Activation.RELU_N1_TO_1), (1, 1)),
    }
)

_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "HARD_SWISH": "use RELU6 as the activation",
        "LOGISTIC": "use RELU6 as the activation, or leave the sigmoid to the application",
        "TANH": "use RELU6 or RELU_N1_TO_1 as the activation",
        "LEAKY_RELU": "use RELU as the activation",
        "PRELU": "use RELU as the activation",
        "ELU": "use RELU as the activation",
        "GELU": "use RELU as the activation",
        "L2_NORMALIZATION": "leave the normalisation to the application",
        "ARG_MAX": "end the model at the scores and take the largest in the application",
        "SUM": "use a mean and fold the factor into the next layer",
        "PADV2": "pad with zero, so that the converter writes PAD",
        "MIRROR_PAD": "pad with zero",
        "SQUEEZE": "use a reshape",
        "EXPAND_DIMS": "use a reshape",
        "SHAPE": "fix the input's shape before exporting, so that the converter folds it",
        "STRIDED_SLICE": "fix the input's shape before exporting, so that the converter folds it",
        "IF": "export the model without control flow",
        "WHILE": "export the model without control flow",
    }
)
