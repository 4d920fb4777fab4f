"""Checks and region arithmetic that several operator records share.

Error messages name the operator (kind and index in the source model), the tensor with its type and shape, and what
the user can do.
"""

from __future__ import annotations

import numpy as np

from ..errors import IllegalGraph, UnsupportedModel
from ..ir.region import Box
from ..ir.types import Activation, DType, Graph, Op, Shape, Tensor
from ..reference.arithmetic import MAX_LEFT_SHIFT, quantize_multiplier
from .attributes import Padding, Pair
from .record import Window

_BOUND = {Activation.NONE: 0.0, Activation.RELU: 0.0, Activation.RELU6: 6.0, Activation.RELU_N1_TO_1: 1.0}
REQUANTIZE_HINT = "quantize the model fully to int8 (int8 weights and activations, int32 biases)"


def where(graph: Graph, op: Op) -> str:
    """The operator as messages name it: kind and source indices."""
    indices = ", ".join(str(i) for i in op.origin)
    return f"{op.kind} (operator {indices})" if indices else op.kind


def show(tensor: Tensor) -> str:
    """The tensor as messages name it: name, type and shape."""
    return f"'{tensor.name}' {tensor.dtype.value}{list(tensor.shape)}"


def illegal(graph: Graph, op: Op, message: str, hint: str = "") -> IllegalGraph:
    """The error for an operator that breaks a rule of its record."""
    return IllegalGraph(f"op.{op.kind}", f"{where(graph, op)}: {message}", hint)


def unsupported(graph: Graph, op: Op, message: str, hint: str) -> UnsupportedModel:
    """The error for a legal operator that no kernel computes exactly."""
    return UnsupportedModel(f"unsupported.{op.kind}", f"{where(graph, op)}: {message}", hint)


def require_arity(graph: Graph, op: Op, inputs: int, required: int | None = None, outputs: int = 1) -> None:
    """`inputs` positions of which the first `required` (default: all) are present, and `outputs` results."""
    needed = inputs if required is None else required
    if len(op.inputs) != inputs or any(i is None for i in op.inputs[:needed]):
        raise illegal(graph, op, f"needs {needed} to {inputs} inputs, has {len(op.inputs)}, or one is absent")
    if len(op.outputs) != outputs:
        raise illegal(graph, op, f"has {len(op.outputs)} outputs, not {outputs}")


def require_int8(graph: Graph, op: Op, *tensors: Tensor) -> None:
    """Activations: int8 with one scale and zero point each, within int8."""
    for tensor in tensors:
        if tensor.dtype is not DType.INT8:
            raise unsupported(graph, op, f"{show(tensor)} is not int8", REQUANTIZE_HINT)
        require_per_tensor(graph, op, tensor)


def require_per_tensor(graph: Graph, op: Op, tensor: Tensor) -> None:
    """One scale and one zero point that the type can hold."""
    if tensor.quant is None:
        raise unsupported(graph, op, f"{show(tensor)} carries no scale and zero point", REQUANTIZE_HINT)
    if tensor.quant.per_channel:
        raise unsupported(
            graph,
            op,
            f"{show(tensor)} has {len(tensor.quant.scale)} scales",
            "quantize activations per tensor; only weights may be per channel",
        )
    limits = np.iinfo(tensor.dtype.numpy)
    if not limits.min <= tensor.zero_point <= limits.max:
        raise illegal(graph, op, f"{show(tensor)} has zero point {tensor.zero_point}")


def require_image(graph: Graph, op: Op, *tensors: Tensor) -> None:
    """Rank 4: images of rows, pixels and channels."""
    for tensor in tensors:
        if len(tensor.shape) != 4:
            raise illegal(graph, op, f"{show(tensor)} has rank {len(tensor.shape)}, not 4 (NHWC)")


def require_weights(graph: Graph, op: Op, weights: Tensor, axis: int, symmetric: bool = True) -> None:
    """Constant int8 weights, one scale or one per output channel along `axis`.

    symmetric  zero points are 0; otherwise one scale may come with one zero point
    """
    if not weights.is_constant:
        raise unsupported(graph, op, f"weights {show(weights)} are not constant", "freeze the model's variables")
    if weights.dtype is not DType.INT8:
        raise unsupported(graph, op, f"weights {show(weights)} are not int8", REQUANTIZE_HINT)
    quant = weights.quant
    if quant is None:
        raise unsupported(graph, op, f"weights {show(weights)} carry no scale", REQUANTIZE_HINT)
    if any(quant.zero_point) and (symmetric or quant.per_channel):
        raise unsupported(
            graph,
            op,
            f"weights {show(weights)} have zero point {next(z for z in quant.zero_point if z)}",
            "quantize weights symmetrically (zero point 0)",
        )
    if quant.per_channel and (quant.axis != axis or len(quant.scale) != weights.shape[axis]):
        raise unsupported(
            graph,
            op,
            f"weights {show(weights)} have {len(quant.scale)} scales along dimension {quant.axis}",
            f"quantize weights per tensor or per output channel (dimension {axis})",
        )


def require_bias(graph: Graph, op: Op, bias: Tensor | None, channels: int) -> None:
    """Absent, or constant int32 with one element per output channel."""
    if bias is None:
        return
    if not bias.is_constant:
        raise unsupported(graph, op, f"bias {show(bias)} is not constant", "freeze the model's variables")
    if bias.dtype is not DType.INT32:
        raise unsupported(graph, op, f"bias {show(bias)} is not int32", REQUANTIZE_HINT)
    if bias.elements != channels:
        raise illegal(graph, op, f"bias {show(bias)} does not have {channels} elements")


def require_scalable(graph: Graph, op: Op, *factors: float) -> None:
    """Every real scaling factor fits the fixed-point form."""
    for factor in factors:
        if not np.isfinite(factor) or quantize_multiplier(factor)[1] > MAX_LEFT_SHIFT:
            raise unsupported(
                graph,
                op,
                f"the scales of its tensors ask for a factor of {factor:.3g}, at most 2^{MAX_LEFT_SHIFT} is possible",
                "check the quantization of the model: an output scale is far too small",
            )


def require_clamp(graph: Graph, op: Op, activation: Activation, out: Tensor) -> None:
    """The bounds of a fused activation, in steps of the output's scale, fit int32."""
    if _BOUND[activation] / out.scale >= 1 << 31:
        raise unsupported(
            graph,
            op,
            f"a clamp at {_BOUND[activation]:g} is beyond 2^31 steps of the scale {out.scale:.3g} of {show(out)}",
            "check the quantization of the model: an output scale is far too small",
        )


def require_window(graph: Graph, op: Op, stride: Pair, dilation: Pair, padding: Padding) -> None:
    """Positive strides and dilations, paddings not negative."""
    if min(stride) < 1 or min(dilation) < 1:
        raise illegal(graph, op, f"has stride {stride} and dilation {dilation}")
    if min(padding.top, padding.bottom, padding.left, padding.right) < 0:
        raise illegal(graph, op, f"has negative padding {padding}")


def window_shape(
    graph: Graph, op: Op, image: Shape, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding
) -> Pair:
    """(rows, pixels) of a sliding window's output over an NHWC image. Raises IllegalGraph where none fits."""
    extents = (image[1] + padding.top + padding.bottom, image[2] + padding.left + padding.right)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    if extents[0] < spans[0] or extents[1] < spans[1]:
        raise illegal(
            graph, op, f"a window of {spans[0]}x{spans[1]} does not fit the padded image {extents[0]}x{extents[1]}"
        )
    return (extents[0] - spans[0]) // stride[0] + 1, (extents[1] - spans[1]) // stride[1] + 1


def window(graph: Graph, op: Op, kernel: int, stride: int, dilation: int, pad: int) -> Window:
    """The rows that a sliding window over NHWC images reads."""
    return Window(kernel, stride, dilation, pad, images(graph, op))


def images(graph: Graph, op: Op) -> tuple[int, int, int] | None:
    """Window.images of an operator from NHWC to NHWC."""
    x, out = graph.operand(op, 0).shape, graph.result(op).shape
    return None if x[0] == 1 else (x[0], x[1], out[1])


def rows_of(window: Window, y0: int, y1: int) -> tuple[int, int]:
    """The half-open range of the rows, unclipped, that rows y0 .. y1-1 of the output read.

    In a batch, from the first row of the first image that they touch to the last row of the last one.
    """
    if window.images is None:
        return window.rows(y0)[0], window.rows(y1 - 1)[-1] + 1
    _, rows, out_rows = window.images
    return y0 // out_rows * rows, -(-y1 // out_rows) * rows


def window_box(
    graph: Graph, op: Op, out: Box, channels: tuple[int, int], kernel: Pair, stride: Pair, dilation: Pair, pad: Padding
) -> Box:
    """The unclipped region of the images that the region `out` of a sliding window's output reads."""
    rows = rows_of(window(graph, op, kernel[0], stride[0], dilation[0], pad.top), out.y0, out.y1)
    pixels = rows_of(Window(kernel[1], stride[1], dilation[1], pad.left), out.x0, out.x1)
    return Box(*rows, *pixels, *channels)
