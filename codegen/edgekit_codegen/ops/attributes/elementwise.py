"""What computes every element alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...ir.types import Activation, Attrs


@dataclass(frozen=True, slots=True)
class Add(Attrs):
    """inputs (a, b), broadcast against each other."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Sub(Attrs):
    """inputs (a, b), broadcast against each other; a - b."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Mul(Attrs):
    """inputs (a, b), broadcast against each other."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Maximum(Attrs):
    """inputs (a, b), broadcast against each other; all three tensors are quantized alike."""


@dataclass(frozen=True, slots=True)
class Minimum(Attrs):
    """inputs (a, b), broadcast against each other; all three tensors are quantized alike."""


@dataclass(frozen=True, slots=True)
class SquaredDifference(Attrs):
    """inputs (a, b), broadcast against each other."""


@dataclass(frozen=True, slots=True)
class Prelu(Attrs):
    """inputs (x, alpha); alpha, the factor of negative elements, is broadcast to x."""


@dataclass(frozen=True, slots=True)
class Relu(Attrs):
    """A stand-alone clamp; requantizes when the scales of input and output differ."""

    activation: Activation


@dataclass(frozen=True, slots=True)
class LeakyRelu(Attrs):
    """alpha: the factor of negative elements, of any sign and size; a float32 value."""

    alpha: float


@dataclass(frozen=True, slots=True)
class Gelu(Attrs):
    """approximate: x * (1 + tanh(..)) / 2 in place of the error function."""

    approximate: bool


@dataclass(frozen=True, slots=True)
class Elu(Attrs):
    """exp(x) - 1 below zero."""


@dataclass(frozen=True, slots=True)
class Abs(Attrs):
    """The absolute value."""


@dataclass(frozen=True, slots=True)
class Rsqrt(Attrs):
    """1 / sqrt(x)."""


@dataclass(frozen=True, slots=True)
class Logistic(Attrs):
    """1 / (1 + exp(-x))."""


@dataclass(frozen=True, slots=True)
class Tanh(Attrs):
    """The hyperbolic tangent."""


@dataclass(frozen=True, slots=True)
class HardSwish(Attrs):
    """x * clamp(x + 3, 0, 6) / 6."""


@dataclass(frozen=True, slots=True)
class Lookup(Attrs):
    """table: 256 int8 as bytes; a stored value v becomes element v + 128."""

    table: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quantize(Attrs):
    """float32 to int8, or int8 to int8 of another scale."""


@dataclass(frozen=True, slots=True)
class Dequantize(Attrs):
    """int8 to float32."""
