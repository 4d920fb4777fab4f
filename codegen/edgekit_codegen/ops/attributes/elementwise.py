"""What computes every element alone."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Activation, Attrs


@dataclass(frozen=True, slots=True)
class Add(Attrs):
    """inputs (a, b) of equal shape."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Relu(Attrs):
    """A stand-alone clamp; requantizes when the scales of input and output differ."""

    activation: Activation


@dataclass(frozen=True, slots=True)
class Quantize(Attrs):
    """float32 to int8, or int8 to int8 of another scale."""


@dataclass(frozen=True, slots=True)
class Dequantize(Attrs):
    """int8 to float32."""
