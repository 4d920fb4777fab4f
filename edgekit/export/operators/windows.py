"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite
from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import (
    Conv2D,
    DepthwiseConv2D,
    Padding,
    Pair,
    Pool2D,
    Resize,
    TransposeConv,
)

from ...errors import ModelError
from ...frontend.padding import same_padding
from .record import OperatorCode, activation, attrs, vector


def _padding(graph: Graph, op: Op, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding) -> int:
    """SAME or VALID, whichever means exactly these numbers for this shape."""
    if padding == Padding():
        return int(tflite.Padding.VALID)
    _, height, width, _ = graph.operand(op, 0).shape
    if padding == _same((height, width), kernel, stride, dilation):
        return int(tflite.Padding.SAME)
    raise ModelError(
        "export.padding",
        f"{op.kind} (source {list(op.origin)}) pads {padding}, which is neither SAME nor VALID in a .tflite file",
        "put a pad operator in front of it and give the layer no padding",
    )


def _same(image: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    top, bottom = same_padding(image[0], kernel[0], stride[0], dilation[0])
    left, right = same_padding(image[1], kernel[1], stride[1], dilation[1])
    return Padding(top, bottom, left, right)


def _stride(stride: Pair) -> Mapping[str, Any]:
    return {"StrideH": stride[0], "StrideW": stride[1]}


def _dilation(dilation: Pair) -> Mapping[str, Any]:
    return {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}


def _conv2d(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, Conv2D)
    _, kh, kw, _ = graph.operand(op, 1).shape
    return {
        "Padding": _padding(graph, op, (kh, kw), a.stride, a.dilation, a.padding),
        **_stride(a.stride),
        **_dilation(a.dilation),
        **activation(a.activation),
    }


def _depthwise(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, DepthwiseConv2D)
    _, kh, kw, _ = graph.operand(op, 1).shape
    return {
        "Padding": _padding(graph, op, (kh, kw), a.stride, a.dilation, a.padding),
        **_stride(a.stride),
        **_dilation(a.dilation),
        "DepthMultiplier": a.multiplier,
        **activation(a.activation),
    }


def _transpose_conv(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, TransposeConv)
    _, kh, kw, _ = graph.operand(op, 1).shape
    same = _same(a.size, (kh, kw), a.stride, (1, 1))
    if a.crop == (0, 0):
        padding = tflite.Padding.VALID
    elif a.crop == (same.top, same.left):
        padding = tflite.Padding.SAME
    else:
        raise ModelError(
            "export.padding",
            f"{op.kind} (source {list(op.origin)}) leaves out {a.crop}, which is neither SAME nor VALID in a .tflite"
            " file",
            "put a slice behind it and let the layer leave out nothing",
        )
    return {"Padding": int(padding), **_stride(a.stride), **activation(a.activation)}


def _resize(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, Resize)
    return {"AlignCorners": a.align_corners, "HalfPixelCenters": a.half_pixel}


def _size(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"size": vector(attrs(op, Resize).size)}


def _pool(graph: Graph, op: Op) -> Mapping[str, Any]:
    a = attrs(op, Pool2D)
    return {
        "Padding": _padding(graph, op, a.kernel, a.stride, (1, 1), a.padding),
        **_stride(a.stride),
        "FilterHeight": a.kernel[0],
        "FilterWidth": a.kernel[1],
        **activation(a.activation),
    }


CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "conv2d": OperatorCode(BuiltinOperator.CONV_2D, 3, "Conv2DOptions", _conv2d),
        "depthwise_conv2d": OperatorCode(BuiltinOperator.DEPTHWISE_CONV_2D, 3, "DepthwiseConv2DOptions", _depthwise),
        "transpose_conv": OperatorCode(
            BuiltinOperator.TRANSPOSE_CONV,
            3,
            "TransposeConvOptions",
            _transpose_conv,
            lambda graph, op: {"shape": vector(graph.result(op).shape)},
            lambda inputs: [inputs[-1], inputs[1], inputs[0], *inputs[2:-1]],
        ),
        "resize_bilinear": OperatorCode(BuiltinOperator.RESIZE_BILINEAR, 3, "ResizeBilinearOptions", _resize, _size),
        "resize_nearest_neighbor": OperatorCode(
            BuiltinOperator.RESIZE_NEAREST_NEIGHBOR, 3, "ResizeNearestNeighborOptions", _resize, _size
        ),
        "average_pool2d": OperatorCode(BuiltinOperator.AVERAGE_POOL_2D, 2, "Pool2DOptions", _pool),
        "max_pool2d": OperatorCode(BuiltinOperator.MAX_POOL_2D, 2, "Pool2DOptions", _pool),
    }
)
