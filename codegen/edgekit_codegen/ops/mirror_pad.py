"""MIRROR_PAD: an int8 tensor between mirrors, up to rank 6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..ir.types import Graph, Op
from . import binary, layout, pad, rules
from .attributes import MirrorPad
from .record import CValue, Kernel, OpRecord

MAX_RANK = 6  # ek_mirror_pad_t has room for four dimensions before the last two


def _attrs(op: Op) -> MirrorPad:
    return cast(MirrorPad, op.attrs)


def check(graph: Graph, op: Op) -> None:
    rules.require_arity(graph, op, inputs=1)
    x, out, a = graph.operand(op, 0), graph.result(op), _attrs(op)
    rules.require_int8(graph, op, x, out)
    pad.require_amounts(graph, op, a.amounts)
    layout.require_rank(graph, op, x, MAX_RANK)
    for size, pair in zip(x.shape, a.amounts, strict=True):
        most = size if a.symmetric else size - 1
        if max(pair) > most:
            raise rules.illegal(
                graph, op, f"mirrors {max(pair)} elements of a dimension of {rules.show(x)} that offers {most}"
            )
    layout.require_same_quant(graph, op, x, out)


def describe(graph: Graph, op: Op) -> str:
    return f"{'symmetric' if _attrs(op).symmetric else 'reflect'}, {pad.words(_attrs(op).amounts)}"


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    x, out, a = graph.operand(op, 0), graph.result(op), _attrs(op)
    (left, _), channels = ((0, 0), (0, 0), *a.amounts)[-2:]
    return {
        "dims": max(len(x.shape) - 2, 0),
        "out_size": layout.leading(out.shape, 1),
        "in_size": layout.leading(x.shape, 1),
        "before": layout.leading(tuple(before for before, _ in a.amounts), 0),
        "step": layout.leading(layout.strides(x.shape), 0),
        "in_w": x.hwc[1],
        "in_c": x.hwc[2],
        "left": left,
        "channels": channels,
        "edge": int(not a.symmetric),
    }


RECORD = OpRecord(
    kind="mirror_pad",
    attrs=MirrorPad,
    activations=1,
    infer=pad.infer,
    check=check,
    access=layout.whole,
    input_boxes=layout.whole_box,
    describe=describe,
    kernel=Kernel("mirror_pad.h", "ek_mirror_pad_row", "ek_mirror_pad_t", params),
    limits=(f"at most {MAX_RANK} dimensions", binary.ALIKE),
)
