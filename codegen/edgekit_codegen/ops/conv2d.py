"""CONV_2D: a convolution of int8 images, dense or in groups, with per-tensor or per-channel weights."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from . import convolution, linear, narrow, pairs, rules
from .attributes import Conv2D
from .record import CValue, Kernel, OpRecord, Requant


def check(graph: Graph, op: Op) -> None:
    convolution.check_tensors(graph, op, "[out, rows, pixels, in]")
    x, weights = graph.operand(op, 0), graph.operand(op, 1)
    depth = weights.shape[3]
    if x.shape[3] % depth or weights.shape[0] % (x.shape[3] // depth):
        raise rules.illegal(graph, op, f"weights {rules.show(weights)} do not match the channels of {rules.show(x)}")
    convolution.check_window(graph, op)


def groups(graph: Graph, op: Op) -> int:
    return graph.operand(op, 0).shape[3] // graph.operand(op, 1).shape[3]


def describe(graph: Graph, op: Op) -> str:
    text = convolution.window_text(graph, op)
    if groups(graph, op) > 1:
        text += f" in {groups(graph, op)} groups"
    return text + linear.activation_text(convolution.attrs(op).activation)


class Form(IntEnum):
    """How the kernel finds weights and epilogues: the EK_CONV2D_ constants of c/kernels/ek_conv2d_window.h."""

    PLAIN = 0
    PAIRS = 1
    PADDED_PAIRS = 2
    COPIED_PAIRS = 3


WINDOW = 64  # EK_CONV2D_WINDOW


def form(graph: Graph, op: Op) -> Form:
    """The fastest that computes the layer exactly, whatever its input."""
    matrix, largest = convolution.matrix(graph, op), convolution.largest(graph, op)
    plain, zero = convolution.requant(graph, op), graph.result(op).zero_point
    exact = narrow.finishes(largest, plain, zero) and narrow.pairs(largest, matrix)
    if not exact or groups(graph, op) > 1 or convolution.attrs(op).dilation[1] > 1:
        return Form.PLAIN
    (rows, pixels), depth = convolution.kernel(graph, op), graph.operand(op, 0).shape[3]
    if depth % pairs.BLOCK == 0 and rows <= pairs.RUNS:
        return Form.PAIRS if convolution.folds(op) else Form.PADDED_PAIRS
    if rows == 1 and convolution.folds(op) and pairs.runs(rows, pixels * depth) <= pairs.RUNS:
        return Form.PAIRS
    return Form.COPIED_PAIRS if rows * pixels * depth <= WINDOW else Form.PLAIN


def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
    """As the form has them."""
    chosen = form(graph, op)
    if chosen is Form.PLAIN:
        return convolution.packed(graph, op)
    matrix, (rows, _) = convolution.matrix(graph, op), convolution.kernel(graph, op)
    factors = convolution.factors(graph, op)
    unfolded, folded = (
        linear.epilogue(convolution.bias(graph, op), matrix, zero, factors).bias
        for zero in (0, graph.operand(op, 0).zero_point)
    )
    if chosen is Form.COPIED_PAIRS:
        filled = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % pairs.BLOCK)))
        return pairs.pack(filled[:, np.newaxis], [folded])
    biases = [unfolded, folded] if chosen is Form.PADDED_PAIRS else [folded]
    return pairs.pack(matrix.reshape(len(matrix), rows, -1), biases)


def requant(graph: Graph, op: Op) -> Requant:
    plain = convolution.requant(graph, op)
    return plain if form(graph, op) is Form.PLAIN else pairs.epilogue(plain, graph.result(op).zero_point)


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out = graph.operand(op, 0), graph.result(op)
    return {
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_c": out.shape[3],
        "group": convolution.group(graph, op),
        **convolution.params(graph, op),
        "form": int(form(graph, op)),
    }


def spare(graph: Graph, op: Op) -> int:
    """For the inputs of two pixels, 16 bits each, where weights of more than one tile are multiplied with them."""
    if form(graph, op) not in (Form.PAIRS, Form.PADDED_PAIRS) or graph.result(op).shape[3] < 2 * linear.TILE:
        return 0
    clamp = convolution.epilogue_params(graph, op)
    if (clamp["act_min"], clamp["act_max"]) != INT8:
        return 0
    (rows, pixels), depth = convolution.kernel(graph, op), graph.operand(op, 0).shape[3]
    return rows * -(-pixels * depth // pairs.BLOCK) * pairs.BLOCK * 4


def couples(graph: Graph, op: Op) -> bool:
    """Where windows are pixels, of which one in each row would be alone."""
    a = convolution.attrs(op)
    pointwise = convolution.kernel(graph, op) == a.stride == (1, 1) and convolution.folds(op)
    return form(graph, op) is Form.PAIRS and pointwise and graph.result(op).shape[2] % 2 == 1


INT8 = (-128, 127)

RECORD = OpRecord(
    kind="conv2d",
    attrs=Conv2D,
    activations=1,
    infer=convolution.infer,
    check=check,
    access=convolution.access,
    input_boxes=convolution.input_boxes,
    macs=convolution.macs,
    describe=describe,
    kernel=Kernel(
        "conv2d.h",
        "ek_conv2d_row",
        "ek_conv2d_t",
        params,
        weights,
        requant,
        spare=spare,
        roomy="ek_conv2d_roomy_row",
        couples=couples,
    ),
)
