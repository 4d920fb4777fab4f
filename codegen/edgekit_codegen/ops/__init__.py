"""The operator table: every kind of operator that the compiler knows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    add,
    average_pool2d,
    conv2d,
    depthwise_conv2d,
    dequantize,
    fully_connected,
    max_pool2d,
    mean,
    pad,
    quantize,
    relu,
    reshape,
    softmax,
    transpose,
)
from .record import OpRecord

TABLE: Mapping[str, OpRecord] = MappingProxyType(
    {
        module.RECORD.kind: module.RECORD
        for module in (
            add,
            average_pool2d,
            conv2d,
            depthwise_conv2d,
            dequantize,
            fully_connected,
            max_pool2d,
            mean,
            pad,
            quantize,
            relu,
            reshape,
            softmax,
            transpose,
        )
    }
)

__all__ = ["TABLE", "OpRecord"]
