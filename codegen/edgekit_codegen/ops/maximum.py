"""MAXIMUM: the larger of two int8 values that are quantized alike."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from . import binary
from .attributes import Maximum
from .record import CValue


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {**binary.walk(graph, op), "flip": 0}


RECORD = binary.record("maximum", Maximum, binary.require_alike, params, header="maximum", limits=(binary.ALIKE,))
