"""How large a model may be that is read: far above what any microcontroller holds, far below what planning can take."""

from __future__ import annotations

from edgekit_codegen.ir import Graph, Op
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Window

from ..errors import ModelError

_MAX_ACTIVATION = 1 << 23  # bytes
_MAX_ROWS = 1 << 17  # rows that all operators read and write; the planner and its checker follow each


def check_size(graph: Graph) -> None:
    """Raise ModelError (`model.size`) for a graph that is no model for a microcontroller, naming what is too large."""
    for tensor in graph.tensors.values():
        if not tensor.is_constant and tensor.bytes > _MAX_ACTIVATION:
            raise ModelError(
                "model.size",
                f"tensor {tensor.id} ({tensor.name}) of {list(tensor.shape)} {tensor.dtype.value} takes"
                f" {tensor.bytes:,} bytes; at most {_MAX_ACTIVATION:,} are planned for",
                "use a smaller input resolution, or fewer channels",
            )
    rows = [(_rows(graph, op), op) for op in graph.ops]
    total = sum(count for count, _ in rows)
    if total > _MAX_ROWS:
        count, op = max(rows, key=lambda entry: entry[0])
        raise ModelError(
            "model.size",
            f"its operators go through {total:,} rows, at most {_MAX_ROWS:,} are planned for; {op.kind} (operator"
            f" {', '.join(map(str, op.origin))}) alone through {count:,}",
            "lay long dimensions along the width or the channels (NHWC), or use a smaller input or larger strides",
        )


def _rows(graph: Graph, op: Op) -> int:
    """Output rows, and input rows as often as the operator reads them."""
    access = TABLE[op.kind].access(graph, op)
    return graph.result(op).hwc[0] * (1 + (access.kernel if isinstance(access, Window) else 1))
