"""What moves elements without changing them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op
from edgekit_codegen.ops.attributes import Pad, Reshape, Transpose

from ..source import Source
from .record import Translation


def _pad(source: Source) -> Op:
    amounts = source.parameter(1, "padding amounts")
    rank = len(source.input(0).shape)
    if len(amounts) != 2 * rank or min(amounts, default=0) < 0:
        raise source.error("operator.parameter", f"padding amounts {list(amounts)} do not fit rank {rank}")
    return source.op("pad", Pad(tuple(zip(amounts[::2], amounts[1::2], strict=True))), inputs=1)


def _reshape(source: Source) -> Op:
    if len(source.operator.inputs) > 1:
        source.parameter(1, "shape")  # the output's own shape says the same; a computed one is an error
    return source.op("reshape", Reshape(), inputs=1)


def _transpose(source: Source) -> Op:
    permutation = tuple(source.axis(a) for a in source.parameter(1, "permutation"))
    if sorted(permutation) != list(range(len(source.input(0).shape))):
        raise source.error("operator.parameter", f"{list(permutation)} is not a permutation of its dimensions")
    return source.op("transpose", Transpose(permutation), inputs=1)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "PAD": Translation(_pad, (2, 2)),
        "RESHAPE": Translation(_reshape, (1, 2)),
        "TRANSPOSE": Translation(_transpose, (2, 2)),
    }
)
