"""CONCATENATION: int8 tensors one behind the other, along pixels or channels; some may be constant.

A dimension before the last two is the last but one of tensors whose dimensions behind it are merged into channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.region import Box
from ..ir.types import Graph, Op, Shape
from . import binary, layout, rules
from .attributes import Concatenation
from .record import CValue, Kernel, OpRecord, Rows


def _axis(op: Op) -> int:
    return cast(Concatenation, op.attrs).axis


def _shapes(graph: Graph, op: Op) -> list[Shape]:
    return [graph.operand(op, i).shape for i in range(len(op.inputs))]


def _by_channel(graph: Graph, op: Op) -> bool:
    return _axis(op) == len(graph.result(op).shape) - 1


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    shapes, axis = _shapes(graph, op), _axis(op)
    first = shapes[0]
    return ((*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :]),)


def check(graph: Graph, op: Op) -> None:
    """TensorFlow Lite Micro asks for exactly equal scales as well."""
    rules.require_arity(graph, op, inputs=max(len(op.inputs), 1))
    axis, out = _axis(op), graph.result(op)
    first = graph.operand(op, 0)
    if not max(len(first.shape) - 2, 0) <= axis < len(first.shape):
        raise rules.illegal(graph, op, f"joins dimension {axis} of {rules.show(first)}, not one of the last two")
    for i in range(len(op.inputs)):
        x = graph.operand(op, i)
        rules.require_int8(graph, op, x, out)
        if len(x.shape) != len(first.shape) or _without(x.shape, axis) != _without(first.shape, axis):
            raise rules.illegal(
                graph, op, f"{rules.show(x)} and {rules.show(first)} differ in more than dimension {axis}"
            )
        if x.quant != out.quant:
            raise layout.differently_quantized(graph, op, x, out)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def access(graph: Graph, op: Op) -> Rows:
    return Rows((None,) * len(op.inputs))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    boxes, first = [], 0
    for shape in _shapes(graph, op):
        if _by_channel(graph, op):
            boxes.append(Box(box.y0, box.y1, box.x0, box.x1, box.c0 - first, box.c1 - first))
        else:
            boxes.append(Box(box.y0, box.y1, box.x0 - first, box.x1 - first, box.c0, box.c1))
        first += shape[_axis(op)]
    return tuple(boxes)


def describe(graph: Graph, op: Op) -> str:
    return f"{len(op.inputs)} along {'channels' if _by_channel(graph, op) else 'pixels'}"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {
        "inputs": len(op.inputs),
        "channels": graph.result(op).hwc[2],
        "by_channel": int(_by_channel(graph, op)),
    }


def weights(graph: Graph, op: Op) -> npt.NDArray[np.int32]:
    """The size of every input along the axis."""
    return np.array([shape[_axis(op)] for shape in _shapes(graph, op)], np.int32)


RECORD = OpRecord(
    kind="concatenation",
    attrs=Concatenation,
    activations=None,
    constants=True,
    infer=infer,
    check=check,
    access=access,
    input_boxes=input_boxes,
    describe=describe,
    kernel=Kernel("concatenation.h", "ek_concatenation_row", "ek_concatenation_t", params, weights),
    limits=(binary.ALIKE, "no fused activation"),
)
