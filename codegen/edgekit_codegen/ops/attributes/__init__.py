"""The attributes of every operator kind, one frozen class each, by family."""

from __future__ import annotations

from .elementwise import Add, Dequantize, Quantize, Relu
from .movement import Pad, Reshape, Transpose
from .products import FullyConnected, Softmax
from .reductions import Mean
from .windows import Conv2D, DepthwiseConv2D, Padding, Pair, Pool2D

__all__ = [
    "Add",
    "Conv2D",
    "DepthwiseConv2D",
    "Dequantize",
    "FullyConnected",
    "Mean",
    "Pad",
    "Padding",
    "Pair",
    "Pool2D",
    "Quantize",
    "Relu",
    "Reshape",
    "Softmax",
    "Transpose",
]
