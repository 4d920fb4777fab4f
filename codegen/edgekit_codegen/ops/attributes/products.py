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
