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
    "TransposeConvOptions": _table(
        "TransposeConvOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        fused_activation_function=(3, _BYTE),
    ),
    "ResizeBilinearOptions": _table("ResizeBilinearOptions", align_corners=(2, _BYTE), half_pixel_centers=(3, _BYTE)),
    "ResizeNearestNeighborOptions": _table(
        "ResizeNearestNeighborOptions", align_corners=(0, _BYTE), half_pixel_centers=(1, _BYTE)
    ),
    "BatchMatMulOptions": _table("BatchMatMulOptions", adj_x=(0, _BYTE), adj_y=(1, _BYTE)),
    "LogSoftmaxOptions": _table("LogSoftmaxOptions"),
    "AddOptions": _table("AddOptions", fused_activation_function=(0, _BYTE)),
    "SubOptions": _table("SubOptions", fused_activation_function=(0, _BYTE)),
    "MulOptions": _table("MulOptions", fused_activation_function=(0, _BYTE)),
    "LeakyReluOptions": _table("LeakyReluOptions", alpha=(0, _INT)),
    "GeluOptions": _table("GeluOptions", approximate=(0, _BYTE)),
    "ArgMaxOptions": _table("ArgMaxOptions", output_type=(0, _BYTE)),
    "ArgMinOptions": _table("ArgMinOptions", output_type=(0, _BYTE)),
    "ConcatenationOptions": _table("ConcatenationOptions", axis=(0, _INT), fused_activation_function=(1, _BYTE)),
    "DepthToSpaceOptions": _table("DepthToSpaceOptions", block_size=(0, _INT)),
    "GatherOptions": _table("GatherOptions", axis=(0, _INT), batch_dims=(1, _INT)),
    "MirrorPadOptions": _table("MirrorPadOptions", mode=(0, _BYTE)),
    "PackOptions": _table("PackOptions", values_count=(0, _INT), axis=(1, _INT)),
    "SpaceToDepthOptions": _table("SpaceToDepthOptions", block_size=(0, _INT)),
    "SqueezeOptions": _table("SqueezeOptions", squeeze_dims=(0, _INTS)),
    "StridedSliceOptions": _table(
        "StridedSliceOptions",
        begin_mask=(0, _INT),
        end_mask=(1, _INT),
        ellipsis_mask=(2, _INT),
        new_axis_mask=(3, _INT),
        shrink_axis_mask=(4, _INT),
        offset=(5, _BYTE),
    ),
    "UnpackOptions": _table("UnpackOptions", num=(0, _INT), axis=(1, _INT)),
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
