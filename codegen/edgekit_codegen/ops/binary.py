"""What operators of two int8 tensors share: broadcasting.

Shapes are aligned at their last dimensions; missing dimensions and dimensions of size 1 repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..ir.region import Box
from ..ir.types import Attrs, Graph, Op, Shape, Tensor
from ..reference.arithmetic import quantize_multiplier
from . import layout, rules
from .record import CValue, Kernel, OpRecord, Overlap, RowMap, Rows

MAX_RANK = 5
ALIKE = "one scale and zero point for all tensors"


def record(
    kind: str,
    attrs: type[Attrs],
    check: Callable[[Graph, Op], None],
    params: Callable[[Graph, Op], Mapping[str, CValue]],
    describe: Callable[[Graph, Op], str] = lambda graph, op: "",
    header: str | None = None,
    limits: tuple[str, ...] = (),
) -> OpRecord:
    """check: what remains to be said about shapes that broadcast and int8 tensors. header: of another kind's kernel."""

    def check_all(graph: Graph, op: Op) -> None:
        require_operands(graph, op)
        check(graph, op)

    kernel = header or kind
    return OpRecord(
        kind=kind,
        attrs=attrs,
        activations=2,
        infer=infer,
        check=check_all,
        access=access,
        input_boxes=input_boxes,
        overlap=Overlap.IN_PLACE,
        describe=describe,
        kernel=Kernel(f"{kernel}.h", f"ek_{kernel}_row", f"ek_{kernel}_t", params),
        constants=True,
        limits=(f"at most {MAX_RANK} dimensions", *limits),
    )


def infer(graph: Graph, op: Op) -> tuple[Shape, ...]:
    """Raises IllegalGraph where the shapes do not go together."""
    a, b = _shapes(graph, op)
    if any(m != n and 1 not in (m, n) for m, n in zip(a, b, strict=True)):
        shown = " and ".join(rules.show(graph.operand(op, i)) for i in range(2))
        raise rules.illegal(graph, op, f"{shown} cannot be broadcast against each other")
    return (tuple(n if m == 1 else m for m, n in zip(a, b, strict=True)),)


def require_operands(graph: Graph, op: Op) -> None:
    """Two int8 tensors and a result of int8, within the rank that kernels walk."""
    rules.require_arity(graph, op, inputs=2)
    tensors = graph.operand(op, 0), graph.operand(op, 1), graph.result(op)
    rules.require_int8(graph, op, *tensors)
    for tensor in tensors:
        layout.require_rank(graph, op, tensor, MAX_RANK)
    infer(graph, op)


def require_fractions(graph: Graph, op: Op, a: Tensor, b: Tensor, out: Tensor, factor: float) -> None:
    """The factor of a sum, or of a difference, of shifted inputs is below one in its fixed-point form."""
    if factor >= 1.0 or quantize_multiplier(factor)[1] > 0:
        raise rules.unsupported(
            graph,
            op,
            f"the output's scale {out.scale:.3g} is too small for inputs of scale {max(a.scale, b.scale):.3g}",
            "check the quantization of the model",
        )


def require_alike(graph: Graph, op: Op) -> None:
    """Stored values are compared, so that all three tensors must have one quantization."""
    out = graph.result(op)
    for position in range(2):
        operand = graph.operand(op, position)
        if (operand.scale, operand.zero_point) != (out.scale, out.zero_point):
            raise layout.differently_quantized(graph, op, operand, out)


def access(graph: Graph, op: Op) -> Rows:
    first, second = (_row_map(shape, graph.result(op).shape) for shape in _shapes(graph, op))
    return Rows((first, second))


def input_boxes(graph: Graph, op: Op, box: Box) -> tuple[Box, ...]:
    boxes = []
    for rows, pixel, channel in zip(access(graph, op).maps, *_steps(graph, op), strict=True):
        y0, y1 = layout.mapped_rows(rows, box.y0, box.y1)
        x0, x1 = (box.x0, box.x1) if pixel else (0, 1)
        c0, c1 = (box.c0, box.c1) if channel else (0, 1)
        boxes.append(Box(y0, y1, x0, x1, c0, c1))
    return tuple(boxes)


def walk(graph: Graph, op: Op) -> Mapping[str, CValue]:
    """The fields that every kernel of two operands begins with."""
    channels = graph.result(op).hwc[2]
    pixel, channel = _steps(graph, op)
    run = all(p == c * channels for p, c in zip(pixel, channel, strict=True))
    return {"channels": channels, "pixel_step": pixel, "channel_step": channel, "run": int(run)}


def _shapes(graph: Graph, op: Op) -> tuple[Shape, Shape]:
    """Both operands' shapes with as many dimensions as the longer one has."""
    a, b = graph.operand(op, 0).shape, graph.operand(op, 1).shape
    rank = max(len(a), len(b))
    return (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b


def _row_map(shape: Shape, out: Shape) -> RowMap | None:
    leading = shape[:-2]
    steps = tuple(0 if size == 1 else step for size, step in zip(leading, layout.strides(leading), strict=True))
    return layout.row_map(out, (*steps, 0, 0))


def _steps(graph: Graph, op: Op) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(elements from pixel to pixel, from channel to channel) of either operand; 0 repeats."""
    _, pixels, channels = graph.result(op).hwc
    views = [graph.operand(op, i).hwc for i in range(2)]
    pixel = tuple(c if w == pixels else 0 for _, w, c in views)
    channel = tuple(1 if c == channels else 0 for *_, c in views)
    return pixel, channel
