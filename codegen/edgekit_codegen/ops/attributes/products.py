"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.types import Activation, Attrs


@dataclass(frozen=True, slots=True)
class FullyConnected(Attrs):
    """inputs (x, weights [out, in], bias int32 or None); x of any rank is read as [batch, in].

    keep_dims  the output keeps x's leading dimensions instead of being [batch, out]
    """

    keep_dims: bool = False
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class PartialSums(Attrs):
    """inputs (sums int32 [1, rows, pixels, out], or constant [1, 1, 1, out] to begin with, x [1, rows, pixels, in],
    weights [out, 1, 1, in]): the sums plus the products of x as it is stored, whatever its zero point, and the
    weights."""


@dataclass(frozen=True, slots=True)
class RequantizeSums(Attrs):
    """int32, whose scales are those of its channels and whose zero points are 0, to int8."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Softmax(Attrs):
    """Over the last dimension."""

    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class LogSoftmax(Attrs):
    """Over the last dimension."""


@dataclass(frozen=True, slots=True)
class BatchMatmul(Attrs):
    """inputs (a [..., rows, depth], b [..., depth, columns]); leading dimensions broadcast.

    adj_x  a is [..., depth, rows]
    adj_y  b is [..., columns, depth]
    """

    adj_x: bool = False
    adj_y: bool = False
