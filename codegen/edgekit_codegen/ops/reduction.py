"""What reductions share: which dimensions go, and how a kernel walks over them.

Neighbouring dimensions that are both reduced, or both kept within the rows of the output, are walked as one. Of five
dimensions at most three reduced ones are left then, and the rows of the output at most two steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..ir.types import DType, Graph, Op, Shape
from ..reference.scaling import requantize_factor
from . import layout, rules
from .attributes import ArgMax, ArgMin, Reduction
from .record import CValue

MAX_RANK = 5
MAX_ELEMENTS = 1 << 23  # reduced into one: their sum less the zero points fits int32


def axes(op: Op) -> tuple[int, ...]:
    """The reduced dimensions."""
    if isinstance(op.attrs, ArgMax | ArgMin):
        return (op.attrs.axis,)
    assert isinstance(op.attrs, Reduction)
    return op.attrs.axes


def keeps_dims(op: Op) -> bool:
    return isinstance(op.attrs, Reduction) and op.attrs.keep_dims


def count(graph: Graph, op: Op) -> int:
    """How many elements become one."""
    shape = graph.operand(op, 0).shape
    return math.prod(shape[i] for i in axes(op))


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    reduced, shape = axes(op), graph.operand(op, 0).shape
    if keeps_dims(op):
        return (tuple(1 if i in reduced else size for i, size in enumerate(shape)),)
    return (tuple(size for i, size in enumerate(shape) if i not in reduced),)


def check_axes(graph: Graph, op: Op) -> None:
    """An int8 input, and dimensions that it has."""
    rules.require_arity(graph, op, inputs=1)
    reduced, x = axes(op), graph.operand(op, 0)
    rules.require_int8(graph, op, x)
    if len(x.shape) > MAX_RANK:
        raise rules.unsupported(
            graph, op, f"{rules.show(x)} has {len(x.shape)} dimensions, at most {MAX_RANK} are possible", "reshape it"
        )
    if list(reduced) != sorted(set(reduced)) or any(not 0 <= i < len(x.shape) for i in reduced):
        raise rules.illegal(graph, op, f"axes {list(reduced)} are not ascending dimensions of {rules.show(x)}")


def check_sum(graph: Graph, op: Op) -> None:
    """What is added up fits 32 bits, and the factor that scales it a multiplier."""
    check_axes(graph, op)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, out)
    if count(graph, op) > MAX_ELEMENTS:
        raise rules.unsupported(
            graph,
            op,
            f"adds up {count(graph, op)} elements of {rules.show(x)}, at most {MAX_ELEMENTS} are possible",
            "reduce the dimensions in two steps",
        )
    rules.require_scalable(graph, op, requantize_factor(x, out))


def check_extreme(graph: Graph, op: Op) -> None:
    """The output is one of the input's elements as it is stored: scales must be the same to the last bit."""
    check_axes(graph, op)
    x, out = graph.operand(op, 0), graph.result(op)
    rules.require_int8(graph, op, out)
    if (x.scale, x.zero_point) != (out.scale, out.zero_point):
        raise layout.differently_quantized(graph, op, x, out)


def check_arg(graph: Graph, op: Op) -> None:
    """An index of 32 bits, as TensorFlow Lite Micro computes it."""
    check_axes(graph, op)
    out = graph.result(op)
    if out.dtype is not DType.INT32:
        raise rules.unsupported(
            graph, op, f"{rules.show(out)} is not int32", "convert the model with output_type int32 for this operator"
        )


def describe(graph: Graph, op: Op) -> str:
    return "over " + (", ".join(map(str, axes(op))) or "nothing")


def walk(graph: Graph, op: Op) -> Mapping[str, CValue]:
    """The fields that every kernel of reductions begins with; steps are elements of the input."""
    x, out, reduced = graph.operand(op, 0), graph.result(op), axes(op)
    steps = layout.strides(x.shape)
    kept = [
        (1, 0) if i in reduced else (x.shape[i], steps[i])
        for i in range(len(x.shape))
        if keeps_dims(op) or i not in reduced
    ]
    (_, pixel_step), (_, channel_step) = ((1, 0), (1, 0), *kept)[-2:]
    (_, outer), (rows, inner) = _padded(_merged(kept[:-2]), 2)
    counts = _padded(_merged((x.shape[i], steps[i]) for i in reduced), 3)
    return {
        "channels": out.hwc[2],
        "rows": rows,
        "row_step": (outer, inner),
        "pixel_step": pixel_step,
        "channel_step": channel_step,
        "count": tuple(size for size, _ in counts),
        "step": tuple(step for _, step in counts),
    }


def sums(graph: Graph, op: Op) -> int:
    """Bytes of one int32 per channel, where all rows and pixels of one image are added up."""
    x = graph.operand(op, 0)
    return 4 * x.shape[3] if len(x.shape) == 4 and x.shape[0] == 1 and axes(op) == (1, 2) else 0


def sum_params(graph: Graph, op: Op, scaling: tuple[int, int]) -> Mapping[str, CValue]:
    """scaling: multiplier and exponent of what is added up."""
    multiplier, shift = scaling
    return {
        "in_w": graph.operand(op, 0).hwc[1],
        **walk(graph, op),
        "bias": -graph.operand(op, 0).zero_point * count(graph, op),
        "multiplier": multiplier,
        "shift": shift,
        "out_zero": graph.result(op).zero_point,
    }


def arg_params(graph: Graph, op: Op, flip: int) -> Mapping[str, CValue]:
    """flip: 0 for the largest element, -1 (which turns the order of stored values around) for the smallest."""
    fields = dict(walk(graph, op))
    del fields["count"], fields["step"]
    x, (axis,) = graph.operand(op, 0), axes(op)
    return {**fields, "count": x.shape[axis], "step": layout.strides(x.shape)[axis], "flip": flip}


def _merged(dimensions: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(size, step) with neighbours that lie one after the other as one, and without those of size 1."""
    merged: list[tuple[int, int]] = []
    for size, step in dimensions:
        if size == 1:
            continue
        if merged and merged[-1][1] == size * step:
            size *= merged.pop()[0]
        merged.append((size, step))
    return merged


def _padded(dimensions: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    assert len(dimensions) <= length, "five dimensions alternate between kept and reduced at most that often"
    return [(1, 0)] * (length - len(dimensions)) + dimensions
