"""The fields of the .tflite schema that the frontend reads.

Slots are positions in the declarations of LiteRT's schema.fbs (version 3), where the types and defaults stand, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import tflite

from .flatbuffer import Bytes, Child, Children, Field, Numbers, Scalar, Table, Union

IDENTIFIER = b"TFL3"

_BOOL, _BYTE, _UBYTE, _INT, _UINT, _ULONG = (Scalar(code) for code in "BbBiIQ")
_DILATION = Scalar("i", 1)
_STRING, _INTS = Bytes(), Numbers("i")


def _table(name: str, /, **fields: tuple[int, Field]) -> Table:
    return Table(name, MappingProxyType({slot: (field, kind) for field, (slot, kind) in fields.items()}))


OPTIONS: Mapping[str, Table] = {
    "Conv2DOptions": _table(
        "Conv2DOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        fused_activation_function=(3, _BYTE),
        dilation_w_factor=(4, _DILATION),
        dilation_h_factor=(5, _DILATION),
    ),
    "DepthwiseConv2DOptions": _table(
        "DepthwiseConv2DOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        depth_multiplier=(3, _INT),
        fused_activation_function=(4, _BYTE),
        dilation_w_factor=(5, _DILATION),
        dilation_h_factor=(6, _DILATION),
    ),
    "FullyConnectedOptions": _table(
        "FullyConnectedOptions",
        fused_activation_function=(0, _BYTE),
        weights_format=(1, _BYTE),
        keep_num_dims=(2, _BOOL),
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
    "TransposeConvOptions": _table(
        "TransposeConvOptions",
        padding=(0, _BYTE),
        stride_w=(1, _INT),
        stride_h=(2, _INT),
        fused_activation_function=(3, _BYTE),
    ),
    "ResizeBilinearOptions": _table("ResizeBilinearOptions", align_corners=(2, _BOOL), half_pixel_centers=(3, _BOOL)),
    "ResizeNearestNeighborOptions": _table(
        "ResizeNearestNeighborOptions", align_corners=(0, _BOOL), half_pixel_centers=(1, _BOOL)
    ),
    "BatchMatMulOptions": _table("BatchMatMulOptions", adj_x=(0, _BOOL), adj_y=(1, _BOOL)),
    "LogSoftmaxOptions": _table("LogSoftmaxOptions"),
    "SubOptions": _table("SubOptions", fused_activation_function=(0, _BYTE)),
    "MulOptions": _table("MulOptions", fused_activation_function=(0, _BYTE)),
    "LeakyReluOptions": _table("LeakyReluOptions", alpha=(0, Scalar("f"))),
    "GeluOptions": _table("GeluOptions", approximate=(0, _BOOL)),
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
        offset=(5, _BOOL),
    ),
    "UnpackOptions": _table("UnpackOptions", num=(0, _INT), axis=(1, _INT)),
    "ReducerOptions": _table("ReducerOptions", keep_dims=(0, _BOOL)),
    "SoftmaxOptions": _table("SoftmaxOptions", beta=(0, Scalar("f"))),
}

_QUANTIZATION = _table(
    "QuantizationParameters",
    scale=(2, Numbers("f")),
    zero_point=(3, Numbers("q")),
    details_type=(4, _UBYTE),
    quantized_dimension=(6, _INT),
)

_TENSOR = _table(
    "Tensor",
    shape=(0, _INTS),
    type=(1, _BYTE),
    buffer=(2, _UINT),
    name=(3, _STRING),
    quantization=(4, Child(_QUANTIZATION)),
    is_variable=(5, _BOOL),
    sparsity=(6, Child(_table("SparsityParameters"))),
    shape_signature=(7, _INTS),
)

_OPERATOR = _table(
    "Operator",
    opcode_index=(0, _UINT),
    inputs=(1, _INTS),
    outputs=(2, _INTS),
    builtin_options_type=(3, _UBYTE),
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
    builtin_code=(3, _INT),
)

_BUFFER = _table("Buffer", data=(0, Bytes()), offset=(1, _ULONG), size=(2, _ULONG))

MODEL = _table(
    "Model",
    version=(0, _UINT),
    operator_codes=(1, Children(_OPERATOR_CODE)),
    subgraphs=(2, Children(_SUBGRAPH)),
    buffers=(4, Children(_BUFFER)),
)
