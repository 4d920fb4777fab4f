"""What makes one element out of whole dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op
from edgekit_codegen.ops.attributes import Mean

from ..source import Source
from .record import Translation


def _mean(source: Source) -> Op:
    options = source.options_or_none("ReducerOptions")
    axes = tuple(sorted({source.axis(a) for a in source.parameter(1, "axes")}))
    return source.op("mean", Mean(axes, options is not None and bool(options.KeepDims())), inputs=1)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType({"MEAN": Translation(_mean, (2, 2))})
