"""How each operator is written to a .tflite file: one row per operator kind, in one module per family."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops.attributes import Relu

from ...errors import ModelError
from . import elementwise, movement, products, reductions, windows
from .record import OperatorCode

CODES: Mapping[str, OperatorCode] = MappingProxyType(
    {
        kind: code
        for family in (windows, products, elementwise, reductions, movement)
        for kind, code in family.CODES.items()
    }
)


def operator_code(graph: Graph, op: Op) -> OperatorCode:
    """The row for an operator. Raises ModelError (`export.operator`) where the format has no such operator."""
    variant = movement.variant(graph, op)
    if variant is not None:
        return variant
    if isinstance(op.attrs, Relu):
        if op.attrs.activation in elementwise.RELUS:
            return elementwise.RELUS[op.attrs.activation]
    elif op.kind in CODES:
        return CODES[op.kind]
    raise ModelError("export.operator", f"{op.kind} {op.attrs} has no counterpart in a .tflite file")


__all__ = ["CODES", "OperatorCode", "operator_code"]
