"""The operator table: every kind of operator that the compiler knows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import abs as abs_op
from . import (
    add,
    arg_max,
    arg_min,
    average_pool2d,
    batch_matmul,
    concatenation,
    conv2d,
    depthwise_conv2d,
    dequantize,
    elu,
    fully_connected,
    gather,
    gelu,
    hard_swish,
    leaky_relu,
    log_softmax,
    logistic,
    lookup,
    max_pool2d,
    maximum,
    mean,
    minimum,
    mirror_pad,
    mul,
    pad,
    partial_sums,
    prelu,
    quantize,
    reduce_max,
    reduce_min,
    relu,
    requantize_sums,
    reshape,
    resize_bilinear,
    resize_nearest_neighbor,
    rsqrt,
    softmax,
    squared_difference,
    strided_slice,
    sub,
    tanh,
    tile,
    transpose,
    transpose_conv,
)
from . import sum as sum_op
from .record import OpRecord

TABLE: Mapping[str, OpRecord] = MappingProxyType(
    {
        module.RECORD.kind: module.RECORD
        for module in (
            abs_op,
            add,
            arg_max,
            arg_min,
            average_pool2d,
            batch_matmul,
            concatenation,
            conv2d,
            depthwise_conv2d,
            dequantize,
            elu,
            fully_connected,
            gather,
            gelu,
            hard_swish,
            leaky_relu,
            log_softmax,
            logistic,
            lookup,
            max_pool2d,
            maximum,
            mean,
            minimum,
            mirror_pad,
            mul,
            pad,
            partial_sums,
            prelu,
            quantize,
            reduce_max,
            reduce_min,
            relu,
            requantize_sums,
            reshape,
            resize_bilinear,
            resize_nearest_neighbor,
            rsqrt,
            softmax,
            squared_difference,
            strided_slice,
            sub,
            sum_op,
            tanh,
            tile,
            transpose,
            transpose_conv,
        )
    }
)

__all__ = ["TABLE", "OpRecord"]
