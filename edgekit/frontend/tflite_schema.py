"""The fields of the .tflite schema that the frontend reads, for the bounds check.

Slots are positions in the declarations of LiteRT's schema.fbs (version 3); fields that are not listed are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import tflite

from .flatbuffer import Child, Children, Field, Scalar, Table, Union, Vector

IDENTIFIER = b"TFL3"

_BYTE, _INT, _LONG = Scalar(1), Scalar(4), Scalar(8)
_STRING, _INTS = Vector(1), Vector(4)


def _table(name: str, /, **fields: tuple[int, Field]) -> Table:
    return Table(name, MappingProxyType({slot: (field, kind) for field, (slot, kind) in fields.items()}))


OPTIONS: Mapping[str, Table] = {
    "Conv2DOptions": _table(
        "Conv2DOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        fused_activation_function=(3, _BYTE),
        dilation_w_factor=(4, _INT),
        dilation_h_factor=(5, _INT),
    ),
    "DepthwiseConv2DOptions": _table(
        "DepthwiseConv2DOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        depth_multiplier=(3, _INT),
        fused_activation_function=(4, _BYTE),
        dilation_w_factor=(5, _INT),
        dilation_h_factor=(6, _INT),
    ),
    "FullyConnectedOptions": _table(
        "FullyConnectedOptions",
        fused_activation_function=(0, _BYTE),
        weights_format=(1, _BYTE),
        keep_num_dims=(2, _BYTE),
    ),
    "Pool2DOptions": _table(
        "Pool2DOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        filter_width=(3, _INT),
        filter_height=(4, _INT),
        fused_activation_function=(5, _BYTE),
    ),
    "AddOptions": _table("AddOptions", fused_activation_function=(0, _BYTE)),
    "ReducerOptions": _table("ReducerOptions", keep_dims=(0, _BYTE)),
    "SoftmaxOptions": _table("SoftmaxOptions", beta=(0, _INT)),
}

_QUANTIZATION = _table(
    "QuantizationParameters",
    scale=(2, Vector(4)),
    zero_point=(3, Vector(8)),
    details_type=(4, _BYTE),
    quantized_dimension=(6, _INT),
)

_TENSOR = _table(
    "Tensor",
    shape=(0, _INTS),
    type=(1, _BYTE),
    buffer=(2, _INT),
    name=(3, _STRING),
    quantization=(4, Child(_QUANTIZATION)),
    is_variable=(5, _BYTE),
    sparsity=(6, Child(_table("SparsityParameters"))),
    shape_signature=(7, _INTS),
)

_OPERATOR = _table(
    "Operator",
    opcode_index=(0, _INT),
    inputs=(1, _INTS),
    outputs=(2, _INTS),
    builtin_options_type=(3, _BYTE),
    builtin_options=(4, Union(3, {getattr(tflite.BuiltinOptions, name): table for name, table in OPTIONS.items()})),
)

_SUBGRAPH = _table(
    "SubGraph",
    tensors=(0, Children(_TENSOR)),
    inputs=(1, _INTS),
    outputs=(2, _INTS),
    operators=(3, Children(_OPERATOR)),
)

_OPERATOR_CODE = _table(
    "OperatorCode",
    deprecated_builtin_code=(0, _BYTE),
    custom_code=(1, _STRING),
    version=(2, _INT),
    builtin_code=(3, _INT),
)

_BUFFER = _table("Buffer", data=(0, Vector(1)), offset=(1, _LONG), size=(2, _LONG))

MODEL = _table(
    "Model",
    version=(0, _INT),
    operator_codes=(1, Children(_OPERATOR_CODE)),
    subgraphs=(2, Children(_SUBGRAPH)),
    buffers=(4, Children(_BUFFER)),
)
