"""Sliding windows: convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Activation, Attrs

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
    """inputs (x, weights OHWI, bias int32 or None); stride and dilation are (rows, pixels).

    Weights with a part of x's channels make a grouped convolution: the first outputs read the first channels, ...
    """

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
class TransposeConv(Attrs):
    """inputs (x, weights OHWI, bias int32 or None): input pixel i adds the window to outputs i * stride - crop onward.

    size  rows and pixels of the output; what no window reaches holds the bias
    crop  rows and pixels of the windows' sum that lie before the output
    """

    size: Pair
    stride: Pair = (1, 1)
    crop: Pair = (0, 0)
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Resize(Attrs):
    """Bilinear or nearest neighbour, to `size` = (rows, pixels).

    align_corners  the corner pixels' centres stay where they are
    half_pixel     coordinates count from the pixels' centres
    """

    size: Pair
    align_corners: bool = False
    half_pixel: bool = False


@dataclass(frozen=True, slots=True)
class Pool2D(Attrs):
    """Average and max pool. kernel and stride are (rows, pixels); padded elements are never counted."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE
