"""CMSIS-NN's data sets as graphs of one operator.

The data give multipliers and shifts, not scales. A multiplier M and a shift e are the scale M * 2^(e - 31) of the
weights (or its reciprocal as the output's) with every other scale 1, from which the operator's record derives the
same M and e; cmsis_nn.py checks that it did. These scales are doubles, where a model file holds singles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.cmsis_nn_data import DataSet
from edgekit_codegen.ir import Attrs, DType, Graph, Op, Quant, Shape, Tensor
from edgekit_codegen.ir.verify import verify
from edgekit_codegen.ops.attributes import (
    Add,
    BatchMatmul,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Maximum,
    Minimum,
    Mul,
    Pad,
    Padding,
    Pair,
    Pool2D,
    Softmax,
    Transpose,
    TransposeConv,
)

FULL = (-128, 127)


@dataclass(frozen=True, slots=True)
class Run:
    """A graph of one operator with the values of its inputs and what must come out.

    bounds   the clamp of the output's stored values
    scaling  numbers of the data set that the kernel's parameters must hold
    """

    graph: Graph
    inputs: tuple[npt.NDArray[Any], ...]
    golden: npt.NDArray[Any]
    bounds: tuple[int, int] = FULL
    scaling: Mapping[str, object] | None = None


def real(multiplier: int, shift: int) -> float:
    """What a multiplier and a shift stand for, exactly; a tiny factor where they stand for zero."""
    return multiplier * 2.0 ** (shift - 31) or 2.0**-60


def _tensor(ident: int, shape: Shape, zero_point: int = 0, scale: float = 1.0) -> Tensor:
    return Tensor(ident, "abcdef"[ident], shape, DType.INT8, Quant((scale,), (zero_point,)))


def _run(
    kind: str, attrs: Attrs, tensors: Sequence[Tensor | None], inputs: tuple[Any, ...], golden: Any, **more: Any
) -> Run:
    """The last tensor is the output, those before it the operands, None for an absent one."""
    present = [t for t in tensors if t is not None]
    *operands, out = present
    op = Op(kind, tuple(None if t is None else t.id for t in tensors[:-1]), (out.id,), attrs, (0,))
    given = tuple(t.id for t in operands if t.data is None)
    graph = verify(Graph("cmsis_nn", {t.id: t for t in present}, (op,), given, (out.id,)), "reading CMSIS-NN's data")
    shapes = [graph.tensors[i].shape for i in given]
    values = tuple(np.asarray(v).reshape(s) for v, s in zip(inputs, shapes, strict=True))
    return Run(graph, values, np.asarray(golden).reshape(out.shape), **more)


def _bounds(d: DataSet) -> tuple[int, int]:
    return d.pair("OUT_ACTIVATION_MIN", "OUT_ACTIVATION_MAX")


def _weighted(d: DataSet, kind: str, attrs: Attrs, x: Tensor, out: Tensor, weights: Shape, axis: int) -> Run:
    """Weights and bias, and a factor per output channel."""
    multiplier, shift = d.array("output_mult", "output_multiplier"), d.array("output_shift")
    scales = tuple(real(int(m), int(e)) for m, e in zip(multiplier, shift, strict=True))
    quant = Quant(scales, (0,) * len(scales), axis if len(scales) > 1 else 0)
    return _run(
        kind,
        attrs,
        [x, Tensor(1, "weights", weights, DType.INT8, quant, d.array("weights").reshape(weights)), _bias(d), out],
        (d.array("input"),),
        d.array("output_ref", "output"),
        bounds=_bounds(d),
        scaling={"multiplier": multiplier.tolist(), "shift": shift.tolist()},
    )


def _bias(d: DataSet) -> Tensor | None:
    """Absent where the headers say NULL."""
    bias = d.array("biases", "bias") if {"biases", "bias"} & set(d.arrays) else None
    return None if bias is None else Tensor(2, "bias", bias.shape, DType.INT32, None, bias)


def _images(d: DataSet) -> tuple[Tensor, Tensor]:
    batch, (rows, pixels) = d["INPUT_BATCHES"], d.pair("OUTPUT_H", "OUTPUT_W")
    x = _tensor(0, (batch, *d.pair("INPUT_H", "INPUT_W"), d["IN_CH"]), -d["INPUT_OFFSET"])
    return x, _tensor(3, (batch, rows, pixels, d["OUT_CH"]), d["OUTPUT_OFFSET"])


def _padding(x: Shape, out: Shape, before: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    """What lies behind the image is what its last window needs."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    ends = [max((out[1 + i] - 1) * stride[i] + spans[i] - x[1 + i] - before[i], 0) for i in (0, 1)]
    return Padding(before[0], ends[0], before[1], ends[1])


def convolution(d: DataSet) -> Run:
    x, out = _images(d)
    kernel, stride, dilation = (d.pair(f"{w}_Y", f"{w}_X") for w in ("FILTER", "STRIDE", "DILATION"))
    padding = _padding(x.shape, out.shape, d.pair("PAD_Y", "PAD_X"), kernel, stride, dilation)
    depth = d.array("weights").size // (out.shape[3] * kernel[0] * kernel[1])
    weights = (out.shape[3], *kernel, depth)
    return _weighted(d, "conv2d", Conv2D(stride, dilation, padding), x, out, weights, 0)


def depthwise_convolution(d: DataSet) -> Run:
    x, out = _images(d)
    kernel, stride, dilation = (d.pair(f"{w}_Y", f"{w}_X") for w in ("FILTER", "STRIDE", "DILATION"))
    padding = _padding(x.shape, out.shape, d.pair("PAD_Y", "PAD_X"), kernel, stride, dilation)
    attrs = DepthwiseConv2D(stride, dilation, padding, out.shape[3] // x.shape[3])
    return _weighted(d, "depthwise_conv2d", attrs, x, out, (1, *kernel, out.shape[3]), 3)


def transpose_convolution(d: DataSet) -> Run:
    x, out = _images(d)
    attrs = TransposeConv(d.pair("OUTPUT_H", "OUTPUT_W"), d.pair("STRIDE_Y", "STRIDE_X"), d.pair("PAD_Y", "PAD_X"))
    weights = (d["OUT_CH"], *d.pair("FILTER_Y", "FILTER_X"), d["IN_CH"])
    return _weighted(d, "transpose_conv", attrs, x, out, weights, 0)


def fully_connected(d: DataSet) -> Run:
    batch, depth, channels = d["INPUT_BATCHES"], d["ACCUMULATION_DEPTH"], d["OUT_CH"]
    x, out = _tensor(0, (batch, depth), -d["INPUT_OFFSET"]), _tensor(3, (batch, channels), d["OUTPUT_OFFSET"])
    if "OUTPUT_MULTIPLIER" not in d.config:
        return _weighted(d, "fully_connected", FullyConnected(), x, out, (channels, depth), 0)
    multiplier, shift = d["OUTPUT_MULTIPLIER"], d["OUTPUT_SHIFT"]
    out = _tensor(3, out.shape, out.zero_point, 1.0 / real(multiplier, shift))
    data, zero_point = (
        d.array("weights").reshape(channels, depth),
        -d["FILTER_OFFSET"] if "FILTER_OFFSET" in d.config else 0,
    )
    return _run(
        "fully_connected",
        FullyConnected(),
        [x, Tensor(1, "weights", data.shape, DType.INT8, Quant((1.0,), (zero_point,)), data), _bias(d), out],
        (d.array("input"),),
        d.array("output_ref", "output"),
        bounds=_bounds(d),
        scaling={"multiplier": [multiplier] * channels, "shift": [shift] * channels},
    )


def _pool(kind: str) -> Callable[[DataSet], Run]:
    def build(d: DataSet) -> Run:
        kernel, stride = d.pair("FILTER_H", "FILTER_W"), d.pair("STRIDE_H", "STRIDE_W")
        x = _tensor(0, (d["BATCH_SIZE"], *d.pair("INPUT_H", "INPUT_W"), d["INPUT_C"]))
        out = _tensor(1, (d["BATCH_SIZE"], *d.pair("OUTPUT_H", "OUTPUT_W"), d["OUTPUT_C"]))
        padding = _padding(x.shape, out.shape, d.pair("PADDING_H", "PADDING_W"), kernel, stride, (1, 1))
        golden, bounds = d.array("output"), d.pair("ACTIVATION_MIN", "ACTIVATION_MAX")
        return _run(kind, Pool2D(kernel, stride, padding), [x, out], (d.array("input_tensor"),), golden, bounds=bounds)

    return build


def add(d: DataSet) -> Run:
    """Twice the larger input scale is 1 in the inputs' factors."""
    factors = [real(d[f"{x}_MULT"], d[f"{x}_SHIFT"]) for x in ("INPUT1", "INPUT2", "OUTPUT")]
    twice = 2.0 * max(factors[:2])
    shape = (d["DST_SIZE"],)
    tensors = [
        _tensor(0, shape, -d["INPUT1_OFFSET"], factors[0]),
        _tensor(1, shape, -d["INPUT2_OFFSET"], factors[1]),
        _tensor(2, shape, d["OUTPUT_OFFSET"], twice / 2 ** d["LEFT_SHIFT"] / factors[2]),
    ]
    scaling = {
        "in_multiplier": (d["INPUT1_MULT"], d["INPUT2_MULT"]),
        "in_shift": (d["INPUT1_SHIFT"], d["INPUT2_SHIFT"]),
        "out_multiplier": d["OUTPUT_MULT"],
        "out_shift": d["OUTPUT_SHIFT"],
    }
    inputs = (d.array("input1"), d.array("input2"))
    return _run("add", Add(), tensors, inputs, d.array("output_ref"), bounds=_bounds(d), scaling=scaling)


def mul(d: DataSet) -> Run:
    shape, factor = (d["DST_SIZE"],), real(d["OUTPUT_MULT"], d["OUTPUT_SHIFT"])
    tensors = [
        _tensor(0, shape, -d["INPUT1_OFFSET"]),
        _tensor(1, shape, -d["INPUT2_OFFSET"]),
        _tensor(2, shape, d["OUTPUT_OFFSET"], 1.0 / factor),
    ]
    inputs = (d.array("input1"), d.array("input2"))
    scaling = {"multiplier": d["OUTPUT_MULT"], "shift": d["OUTPUT_SHIFT"]}
    return _run("mul", Mul(), tensors, inputs, d.array("output_ref"), bounds=_bounds(d), scaling=scaling)


def maximum_or_minimum(d: DataSet) -> Run:
    shapes = [tuple(d[f"{axis}_{i}"] for axis in ("BATCH", "HEIGHT", "WIDTH", "CHANNEL")) for i in (1, 2)]
    out = tuple(d[f"OUTPUT_{axis}"] for axis in ("BATCH", "HEIGHT", "WIDTH", "CHANNEL"))
    kind = str(d.config["LAYER_TYPE"])
    attrs = {"maximum": Maximum(), "minimum": Minimum()}[kind]
    inputs = (d.array("input_tensor_1"), d.array("input_tensor_2"))
    return _run(kind, attrs, [_tensor(i, s) for i, s in enumerate((*shapes, out))], inputs, d.array("output"))


def softmax(d: DataSet) -> Run:
    shape = (d["NUM_ROWS"], d["ROW_SIZE"])
    scale = real(d["INPUT_MULT"], d["INPUT_LEFT_SHIFT"]) / 2.0**26
    tensors = [_tensor(0, shape, 0, scale), _tensor(1, shape, -128, 1 / 256)]
    scaling = {"multiplier": d["INPUT_MULT"], "shift": d["INPUT_LEFT_SHIFT"], "lowest": d["DIFF_MIN"]}
    return _run("softmax", Softmax(), tensors, (d.array("input"),), d.array("output_ref"), scaling=scaling)


def transpose(d: DataSet) -> Run:
    rank = d["PERM_SIZE"]
    shapes = d.numbers("IN_DIM")[:rank], d.numbers("OUT_DIM")[:rank]
    tensors = [_tensor(i, shape) for i, shape in enumerate(shapes)]
    attrs = Transpose(d.numbers("PERM")[:rank])
    return _run("transpose", attrs, tensors, (d.array("input_tensor"),), d.array("output"))


def pad(d: DataSet) -> Run:
    shape = tuple(d[f"INPUT_{axis}"] for axis in "NHWC")
    amounts = tuple(d.pair(f"PRE_PAD_{axis}", f"POST_PAD_{axis}") for axis in "NHWC")
    out = tuple(n + before + after for n, (before, after) in zip(shape, amounts, strict=True))
    tensors = [_tensor(0, shape, d["PAD_VALUE"]), _tensor(1, out, d["PAD_VALUE"])]
    return _run("pad", Pad(amounts), tensors, (d.array("input_tensor"),), d.array("output"))


def batch_matmul(d: DataSet) -> Run:
    shapes = [tuple(d[f"{x}_{n}"] for n in ("BATCH", "HEIGHT", "ROWS", "COLS")) for x in ("LHS", "RHS", "OUTPUT")]
    factor = real(d["OUTPUT_MULTIPLIER"], d["OUTPUT_SHIFT"])
    tensors = [
        _tensor(0, shapes[0], -d["LHS_OFFSET"]),
        _tensor(1, shapes[1], -d["RHS_OFFSET"]),
        _tensor(2, shapes[2], d["OUTPUT_OFFSET"], 1.0 / factor),
    ]
    attrs = BatchMatmul(bool(d["ADJ_X"]), bool(d["ADJ_Y"]))
    inputs = (d.array("lhs_input_tensor"), d.array("rhs_input_tensor"))
    scaling = {"multiplier": d["OUTPUT_MULTIPLIER"], "shift": d["OUTPUT_SHIFT"]}
    return _run("batch_matmul", attrs, tensors, inputs, d.array("output"), scaling=scaling)


BUILDERS: Mapping[str, Callable[[DataSet], Run]] = {
    "convolve_s8": convolution,
    "convolve_1_x_n_s8": convolution,
    "convolve_1x1_s8_fast": convolution,
    "grouped_convolve_s8": convolution,
    "depthwise_conv_s8": depthwise_convolution,
    "depthwise_conv_s8_opt": depthwise_convolution,
    "depthwise_conv_3x3_s8": depthwise_convolution,
    "transpose_conv_s8": transpose_convolution,
    "reverse_transpose_conv_s8": transpose_convolution,
    "fully_connected_s8": fully_connected,
    "avgpool_s8": _pool("average_pool2d"),
    "max_pool_s8": _pool("max_pool2d"),
    "elementwise_add_s8": add,
    "elementwise_mul_s8": mul,
    "maximum_minimum_s8": maximum_or_minimum,
    "softmax_s8": softmax,
    "transpose_s8": transpose,
    "pad_s8": pad,
    "batch_matmul_s8": batch_matmul,
}
"""How the data of each unit test of CMSIS-NN become a graph."""
