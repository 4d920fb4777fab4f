"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op
from edgekit_codegen.ops.attributes import FullyConnected, Softmax

from ..source import Source
from .record import Translation


def _fully_connected(source: Source) -> Op:
    options = source.options_or_none("FullyConnectedOptions")
    if options is not None and options.WeightsFormat() != 0:
        raise source.error(
            "operator.options", "its weights are in a shuffled order", "export without an accelerator's weight format"
        )
    keep_dims = options is not None and bool(options.KeepNumDims())
    attrs = FullyConnected(keep_dims=keep_dims, activation=source.activation(options))
    return source.op("fully_connected", attrs, inputs=3, optional=1)


def _softmax(source: Source) -> Op:
    beta = float(source.options("SoftmaxOptions").Beta())
    if not (math.isfinite(beta) and beta > 0.0):
        raise source.error("operator.options", f"its beta {beta} is not a positive number", "use a softmax of beta 1")
    return source.op("softmax", Softmax(beta), inputs=1)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "FULLY_CONNECTED": Translation(_fully_connected, (2, 3)),
        "SOFTMAX": Translation(_softmax, (1, 1)),
    }
)
