"""One C function per layer: rows y0 .. y1-1 of an operator's output through its row kernel."""

from __future__ import annotations

from ..errors import CodegenError
from ..ir.types import Graph, Op
from ..naming import dimensions
from ..ops import TABLE
from ..ops.record import SameRow, Whole, Window
from . import literals
from .constants import Constants
from .names import Names

LOOP = " " * 8


def title(graph: Graph, index: int, names: Names) -> str:
    """What a layer is: "03: conv2d 1x1 relu6, 24x24x16 -> 24x24x64"."""
    op = graph.ops[index]
    record = TABLE[op.kind]
    words = f"{op.kind} {record.describe(graph, op)}".strip()
    operands = ", ".join(dimensions(graph.operand(op, i)) for i in range(record.activations))
    return literals.comment(f"{names.number(index)}: {words}, {operands} -> {dimensions(graph.result(op))}")


def layer(graph: Graph, index: int, names: Names, consts: Constants, strips: bool) -> str:
    """The layer's function. strips: it takes the pixels x0 .. x1-1 to compute as well."""
    op = graph.ops[index]
    _require_whole_rows(graph, op, names)
    kernel = TABLE[op.kind].kernel
    assert kernel is not None
    access = TABLE[op.kind].access(graph, op)
    inputs = _inputs(graph, op, access, names)
    target = f"ek_row_mut(ctx, &{names.map(op.outputs[0])}, y)"
    pixels = ("x0", "x1") if strips else ("0", str(graph.result(op).hwc[1]))
    where = ("y", *pixels) if isinstance(access, Whole) else pixels
    scratch = next((s for s in names.plan.scratch if s.op == index), None)
    memory = "NULL" if scratch is None else f"ek_at(ctx, {names.region(scratch.region)}, {scratch.offset})"
    constant = names.constant(index)
    arguments = (f"&{constant}", "in", target, *where, consts.weights_name, consts.requant_name, memory)
    parameters = "const ek_ctx_t *ctx, int y0, int y1" + (", int x0, int x1" if strips else "")
    return "\n".join(
        [
            f"static EK_LAYER void {names.layer(index)}({parameters})",
            "{",
            "    for (int y = y0; y < y1; ++y) {",
            *(LOOP + line for line in inputs),
            literals.fill(f"{LOOP}{kernel.function}(", arguments, ");"),
            "    }",
            "}",
            "",
        ]
    )


def _inputs(graph: Graph, op: Op, access: Window | SameRow | Whole, names: Names) -> list[str]:
    """Statements that define `in`, the kernel's row pointers."""
    maps = [names.map(graph.operand(op, i).id) for i in range(TABLE[op.kind].activations)]
    if isinstance(access, Window):
        y = "y" if access.stride == 1 else f"{access.stride} * y"
        inside = (graph.result(op).hwc[0] - 1) * access.stride < graph.operand(op, 0).hwc[0]
        if access.kernel == 1 and access.pad == 0 and inside:
            return [f"const int8_t *const in[1] = {{ek_row(ctx, &{maps[0]}, {y})}};"]
        first = y + (f" - {access.pad}" if access.pad else "")
        rows = f"ek_rows(ctx, &{maps[0]}, in, {access.kernel}, {first}, {access.dilation});"
        return [f"const int8_t *in[{access.kernel}];", rows]
    y = "y" if isinstance(access, SameRow) else "0"
    rows = ", ".join(f"ek_row(ctx, &{m}, {y})" for m in maps)
    return [f"const int8_t *const in[{len(maps)}] = {{{rows}}};"]


def _require_whole_rows(graph: Graph, op: Op, names: Names) -> None:
    """Maps address whole rows: tiles of pixels or channels would need more."""
    whole = isinstance(TABLE[op.kind].access(graph, op), Whole)
    inputs = [graph.operand(op, i).id for i in range(TABLE[op.kind].activations)]
    for ident in (*inputs, op.outputs[0]):
        storage, (rows, pixels, channels) = names.storage(ident), graph.tensors[ident].hwc
        b = storage.box
        if (b.y0, b.x0, b.x1, b.c0, b.c1) != (0, 0, pixels, 0, channels):
            raise CodegenError("emit.storage", f"{op.kind}: the emitter holds whole rows only, not {b}")
        if whole and ident in inputs and (storage.slots < rows or not storage.contiguous):
            raise CodegenError("emit.storage", f"{op.kind} needs its whole input in one piece")
