"""How each operator is written to a .tflite file: one row per operator kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tflite

from edgekit_codegen.ir import Activation, Attrs, Graph, Op
from edgekit_codegen.ops.attributes import (
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mean,
    Pad,
    Padding,
    Pair,
    Pool2D,
    Relu,
    Softmax,
    Transpose,
)

from ..errors import ModelError
from ..frontend.padding import same_padding

A = TypeVar("A", bound=Attrs)

_ACTIVATIONS: Mapping[Activation, int] = {
    Activation.NONE: tflite.ActivationFunctionType.NONE,
    Activation.RELU: tflite.ActivationFunctionType.RELU,
    Activation.RELU6: tflite.ActivationFunctionType.RELU6,
    Activation.RELU_N1_TO_1: tflite.ActivationFunctionType.RELU_N1_TO_1,
}


@dataclass(frozen=True, slots=True)
class OperatorCode:
    """How one operator is written: opcode and version, options table and its fields, parameters as constant inputs.

    options  name of the options table, or None
    fields   (graph, op) -> {option field: value}; a tuple of numbers becomes an int32 vector
    extra    (graph, op) -> int32 constants appended to the operator's inputs, by name
    """

    builtin: int
    version: int
    options: str | None = None
    fields: Callable[[Graph, Op], Mapping[str, Any]] = lambda graph, op: {}
    extra: Callable[[Graph, Op], Mapping[str, npt.NDArray[np.int32]]] = lambda graph, op: {}


def operator_code(op: Op) -> OperatorCode:
    """The row for an operator. Raises ModelError (`export.operator`) where the format has no such operator."""
    if op.kind == "relu":
        activation = _attrs(op, Relu).activation
        if activation in _RELUS:
            return _RELUS[activation]
    elif op.kind in _CODES:
        return _CODES[op.kind]
    raise ModelError("export.operator", f"{op.kind} {op.attrs} has no counterpart in a .tflite file")


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


def _conv2d(graph: Graph, op: Op) -> Mapping[str, Any]:
    attrs = _attrs(op, Conv2D)
    _, kh, kw, _ = graph.operand(op, 1).shape
    return {
        "Padding": _padding(graph, op, (kh, kw), attrs.stride, attrs.dilation, attrs.padding),
        **_stride(attrs.stride),
        **_dilation(attrs.dilation),
        **_activation(attrs.activation),
    }


def _depthwise(graph: Graph, op: Op) -> Mapping[str, Any]:
    attrs = _attrs(op, DepthwiseConv2D)
    _, kh, kw, _ = graph.operand(op, 1).shape
    return {
        "Padding": _padding(graph, op, (kh, kw), attrs.stride, attrs.dilation, attrs.padding),
        **_stride(attrs.stride),
        **_dilation(attrs.dilation),
        "DepthMultiplier": attrs.multiplier,
        **_activation(attrs.activation),
    }


def _fully_connected(graph: Graph, op: Op) -> Mapping[str, Any]:
    attrs = _attrs(op, FullyConnected)
    return {"KeepNumDims": attrs.keep_dims, **_activation(attrs.activation)}


def _pool(graph: Graph, op: Op) -> Mapping[str, Any]:
    attrs = _attrs(op, Pool2D)
    return {
        "Padding": _padding(graph, op, attrs.kernel, attrs.stride, (1, 1), attrs.padding),
        **_stride(attrs.stride),
        "FilterHeight": attrs.kernel[0],
        "FilterWidth": attrs.kernel[1],
        **_activation(attrs.activation),
    }


def _stride(stride: Pair) -> Mapping[str, Any]:
    return {"StrideH": stride[0], "StrideW": stride[1]}


def _dilation(dilation: Pair) -> Mapping[str, Any]:
    return {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}


def _activation(activation: Activation) -> Mapping[str, Any]:
    return {"FusedActivationFunction": _ACTIVATIONS[activation]}


def _attrs(op: Op, kind: type[A]) -> A:
    if not isinstance(op.attrs, kind):
        raise TypeError(f"{op.kind} has {type(op.attrs).__name__}, not {kind.__name__}")
    return op.attrs


def _vector(values: Iterable[Any]) -> npt.NDArray[np.int32]:
    return np.array(list(values), dtype=np.int32)


def _add(graph: Graph, op: Op) -> Mapping[str, Any]:
    return _activation(_attrs(op, Add).activation)


def _mean(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"KeepDims": _attrs(op, Mean).keep_dims}


def _mean_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"axes": _vector(_attrs(op, Mean).axes)}


def _pad_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"amounts": _vector(_attrs(op, Pad).amounts)}


def _transpose_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"permutation": _vector(_attrs(op, Transpose).permutation)}


def _reshape(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"NewShape": tuple(graph.result(op).shape)}


def _reshape_extra(graph: Graph, op: Op) -> Mapping[str, npt.NDArray[np.int32]]:
    return {"shape": _vector(graph.result(op).shape)}


def _softmax(graph: Graph, op: Op) -> Mapping[str, Any]:
    return {"Beta": _attrs(op, Softmax).beta}


_B = tflite.BuiltinOperator
_CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        "conv2d": OperatorCode(_B.CONV_2D, 3, "Conv2DOptions", _conv2d),
        "depthwise_conv2d": OperatorCode(_B.DEPTHWISE_CONV_2D, 3, "DepthwiseConv2DOptions", _depthwise),
        "fully_connected": OperatorCode(_B.FULLY_CONNECTED, 4, "FullyConnectedOptions", _fully_connected),
        "add": OperatorCode(_B.ADD, 2, "AddOptions", _add),
        "average_pool2d": OperatorCode(_B.AVERAGE_POOL_2D, 2, "Pool2DOptions", _pool),
        "max_pool2d": OperatorCode(_B.MAX_POOL_2D, 2, "Pool2DOptions", _pool),
        "mean": OperatorCode(_B.MEAN, 2, "ReducerOptions", _mean, _mean_extra),
        "pad": OperatorCode(_B.PAD, 2, "PadOptions", extra=_pad_extra),
        "softmax": OperatorCode(_B.SOFTMAX, 2, "SoftmaxOptions", _softmax),
        "reshape": OperatorCode(_B.RESHAPE, 1, "ReshapeOptions", _reshape, _reshape_extra),
        "transpose": OperatorCode(_B.TRANSPOSE, 2, "TransposeOptions", extra=_transpose_extra),
        "quantize": OperatorCode(_B.QUANTIZE, 2, "QuantizeOptions"),
        "dequantize": OperatorCode(_B.DEQUANTIZE, 2, "DequantizeOptions"),
    }
)
_RELUS: Mapping[Activation, OperatorCode] = MappingProxyType(
    {
        Activation.RELU: OperatorCode(_B.RELU, 2),
        Activation.RELU6: OperatorCode(_B.RELU6, 2),
        Activation.RELU_N1_TO_1: OperatorCode(_B.RELU_N1_TO_1, 1),
    }
)
