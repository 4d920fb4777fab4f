"""MINIMUM: the smaller of two int8 values that are quantized alike."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import binary
from .attributes import Minimum
from .record import CValue


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {**binary.walk(graph, op), "flip": -1}


RECORD = binary.record("minimum", Minimum, binary.require_alike, params, header="maximum", limits=(binary.ALIKE,))
