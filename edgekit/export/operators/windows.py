"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tflite
from tflite import BuiltinOperator

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import (
    Conv2D,
    DepthwiseConv2D,
    Padding,
    Pair,
    Pool2D,
)

from ...errors import ModelError
from ...frontend.padding import same_padding
from .record import OperatorCode, activation, attrs


def _padding(graph: Graph, op: Op, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding) -> int:
    """SAME or VALID, whichever means exactly these numbers for this shape."""
    if padding == Padding():
        return int(tflite.Padding.VALID)
    _, height, width, _ = graph.operand(op, 0).shape
    top, bottom = same_padding(height, kernel[0], stride[0], dilation[0])
    left, right = same_padding(width, kernel[1], stride[1], dilation[1])
    if padding == Padding(top, bottom, left, right):
        return int(tflite.Padding.SAME)
    raise ModelError(
        "export.padding",
        f"{op.kind} (source {list(op.origin)}) pads {padding}, which is neither SAME nor VALID in a .tflite file",
        "put a pad operator in front of it and give the layer no padding",
    )


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
        "average_pool2d": OperatorCode(BuiltinOperator.AVERAGE_POOL_2D, 2, "Pool2DOptions", _pool),
        "max_pool2d": OperatorCode(BuiltinOperator.MAX_POOL_2D, 2, "Pool2DOptions", _pool),
    }
)
