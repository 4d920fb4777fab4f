"""What makes one element out of whole dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op
from edgekit_codegen.ops.attributes import ArgMax, ArgMin, Mean, ReduceMax, ReduceMin, Reduction, Sum

from ..source import Source
from .record import Translation


def _reduction(kind: str, attrs: type[Reduction]) -> Callable[[Source], Op]:
    def translate(source: Source) -> Op:
        options = source.options_or_none("ReducerOptions")
        axes = tuple(sorted({source.axis(a) for a in source.parameter(1, "axes")}))
        return source.op(kind, attrs(axes, options is not None and bool(options["keep_dims"])), inputs=1)

    return translate


def _arg(kind: str, attrs: type[ArgMax] | type[ArgMin]) -> Callable[[Source], Op]:
    def translate(source: Source) -> Op:
        axes = source.parameter(1, "axis")
        if len(axes) != 1:
            raise source.error("operator.parameter", f"its axis (input 1) has {len(axes)} elements instead of 1")
        return source.op(kind, attrs(source.axis(axes[0])), inputs=1)

    return translate


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "MEAN": Translation(_reduction("mean", Mean), (2, 2)),
        "SUM": Translation(_reduction("sum", Sum), (2, 2)),
        "REDUCE_MAX": Translation(_reduction("reduce_max", ReduceMax), (2, 2)),
        "REDUCE_MIN": Translation(_reduction("reduce_min", ReduceMin), (2, 2)),
        "ARG_MAX": Translation(_arg("arg_max", ArgMax), (2, 2)),
        "ARG_MIN": Translation(_arg("arg_min", ArgMin), (2, 2)),
    }
)
