"""What functions of one int8 tensor share: a table of their 256 results, which the compiler computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import reference
from ..ir.types import Attrs, Graph, Op, Tensor, TensorId
from . import layout, rules
from .record import CValue, Kernel, OpRecord, Oracle, Overlap

VALUES = 256  # that an int8 can have
EVERY_VALUE = np.arange(-128, 128, dtype=np.int8).reshape(VALUES, 1)


def record(
    kind: str,
    attrs: type[Attrs],
    check: Callable[[Graph, Op], None],
    describe: Callable[[Graph, Op], str] = lambda graph, op: "",
    limits: tuple[str, ...] = (),
    oracle: Oracle = Oracle.TFLM,
) -> OpRecord:
    """check: what remains to be said about an int8 tensor in and one out."""

    def check_all(graph: Graph, op: Op) -> None:
        rules.require_arity(graph, op, inputs=1)
        rules.require_int8(graph, op, graph.operand(op, 0), graph.result(op))
        check(graph, op)

    def weights(graph: Graph, op: Op) -> npt.NDArray[Any]:
        return table(graph.tensors, (op,)).reshape(-1)

    return OpRecord(
        kind=kind,
        attrs=attrs,
        activations=1,
        infer=layout.same_shape,
        check=check_all,
        access=layout.same_row,
        input_boxes=layout.same_box,
        overlap=Overlap.IN_PLACE,
        describe=describe,
        kernel=Kernel("lookup.h", "ek_lookup_row", "ek_lookup_t", params, weights),
        limits=limits,
        oracle=oracle,
    )


def params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return {"channels": graph.operand(op, 0).hwc[2]}


def table(tensors: Mapping[TensorId, Tensor], ops: Sequence[Op], columns: int = 1) -> npt.NDArray[Any]:
    """What element-wise operators, one after the other, make of each int8 value: [256, columns], in ascending order.

    Every tensor that is not constant is taken as [256, columns]; a constant may hold a value per column.
    """
    named = {i for op in ops for i in (*op.inputs, *op.outputs) if i is not None}
    shape = (VALUES, columns)
    wide = {i: t if t.is_constant else replace(t, shape=shape) for i, t in tensors.items() if i in named}
    source = next(i for i in ops[0].inputs if i is not None and not wide[i].is_constant)
    chain = Graph("table", wide, tuple(ops), (source,), (ops[-1].outputs[0],))
    return reference.run(chain, [np.repeat(EVERY_VALUE, columns, axis=1)])[0]
