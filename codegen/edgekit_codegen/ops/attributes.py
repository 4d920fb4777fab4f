"""The attributes of every operator kind, one frozen class each."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.types import Activation, Attrs

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and pixels of true padding around an image."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Conv2D(Attrs):
    """inputs (x, weights OHWI, bias int32 or None); stride and dilation are (rows, pixels)."""

    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class DepthwiseConv2D(Attrs):
    """inputs (x, weights 1HWO with O = channels * multiplier, bias int32 or None)."""

    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = Padding()
    multiplier: int = 1
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class FullyConnected(Attrs):
    """inputs (x, weights [out, in], bias int32 or None); x of any rank is read as [batch, in].

    keep_dims  the output keeps x's leading dimensions instead of being [batch, out]
    """

    keep_dims: bool = False
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Pool2D(Attrs):
    """Average and max pool. kernel and stride are (rows, pixels); padded elements are never counted."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Add(Attrs):
    """inputs (a, b) of equal shape."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Mean(Attrs):
    """axes: the reduced dimensions, non-negative and ascending."""

    axes: tuple[int, ...]
    keep_dims: bool


@dataclass(frozen=True, slots=True)
class Pad(Attrs):
    """amounts: (before, after) per dimension; the value is the output's zero point."""

    amounts: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Relu(Attrs):
    """A stand-alone clamp; requantizes when the scales of input and output differ."""

    activation: Activation


@dataclass(frozen=True, slots=True)
class Reshape(Attrs):
    """The same elements in the same order under the output's shape."""


@dataclass(frozen=True, slots=True)
class Softmax(Attrs):
    """Over the last dimension."""

    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class Transpose(Attrs):
    """Output dimension i is input dimension permutation[i]."""

    permutation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quantize(Attrs):
    """float32 to int8, or int8 to int8 of another scale."""


@dataclass(frozen=True, slots=True)
class Dequantize(Attrs):
    """int8 to float32."""
