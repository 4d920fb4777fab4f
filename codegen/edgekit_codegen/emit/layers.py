"""One C function per layer: rows y0 .. y1-1 of an operator's output through its row kernel."""

from __future__ import annotations

from ..errors import CodegenError
from ..ir.region import Box
from ..ir.types import DType, Graph, Op, Tensor, TensorId
from ..memory.plan import Plan
from ..naming import dimensions
from ..ops import TABLE
from ..ops.record import Access, Kernel, Planar, RowMap, Rows, RowTable, Whole, Window, receives_row
from ..schedule import walk
from ..schedule.types import Affine, Run
from . import literals
from .constants import Constants
from .names import Names
from .rows import back, bytes_of, fresh, fresh_name

LOOP = " " * 8


def title(graph: Graph, index: int, names: Names) -> str:
    """What a layer is: "03: conv2d 1x1 relu6, 24x24x16 -> 24x24x64"."""
    op = graph.ops[index]
    record = TABLE[op.kind]
    words = f"{op.kind} {record.describe(graph, op)}".strip()
    operands = ", ".join(map(dimensions, record.operands(graph, op)))
    return literals.comment(f"{names.number(index)}: {words}, {operands} -> {dimensions(graph.result(op))}")


def layer(
    graph: Graph, index: int, kernel: Kernel, names: Names, consts: Constants, strips: bool, adds: bool = False
) -> str:
    """The layer's function.

    kernel  what computes its rows
    strips  it takes the pixels x0 .. x1-1 to compute as well
    adds    its rows are those of the input, which it adds up
    """
    op = graph.ops[index]
    access = Rows() if adds else TABLE[op.kind].access(graph, op)
    _require_rows(graph, op, names, isinstance(access, Whole))
    inputs = _inputs(graph, op, access, names, consts)
    target = f"ek_row_mut(ctx, &{names.map(op.outputs[0])}, {'0' if adds else 'y'})" + _moved(
        graph, op.outputs[0], names
    )
    if names.storage(op.outputs[0]).fresh is not None:
        target = _new_row(op.outputs[0], names)
    elif names.storage(op.outputs[0]).strip is not None:
        target = f"ek_fresh_row({fresh_name(op.outputs[0], names)}, y)"
    pixels = ("x0", "x1") if strips else ("0", str((graph.operand(op, 0) if adds else graph.result(op)).hwc[1]))
    where = (_within_image(access), *pixels) if receives_row(access) or adds else pixels
    memory, constant = _scratch(index, names), names.constant(index)
    arguments = (f"&{constant}", "in", target, *where, consts.weights_name, consts.requant_name, memory)
    function = kernel.function if memory == "NULL" or not kernel.roomy else kernel.roomy
    if adds:
        function = kernel.adding
    loop = "for (int y = y0; y < y1; ++y) {"
    if not strips and coupled(graph, index, kernel, names.plan):
        source, out = (f"&{names.map(t.id)}" for t in (graph.operand(op, 0), graph.result(op)))
        loop = "for (int y = y0; y < y1; y += 2) {"
        inputs = [
            "const int last = y + 1 < y1 ? y + 1 : y;",
            f"const int8_t *const in[2] = {{ek_row(ctx, {source}, y), ek_row(ctx, {source}, last)}};",
            f"int8_t *const out[2] = {{ek_row_mut(ctx, {out}, y), ek_row_mut(ctx, {out}, last)}};",
        ]
        function, arguments = f"{function}s", (f"&{constant}", "in", "out", "last - y + 1", *arguments[-3:])
    tile = names.tile_of(graph, index)
    parameters = "const ek_ctx_t *ctx, int y0, int y1" + (", int x0, int x1" if strips else "")
    parameters += f", int {tile}" if tile else ""
    parameters += "".join(f", int {turn}" for turn in names.turns_of(graph, index))
    return "\n".join(
        [
            f"static EK_LAYER void {names.layer(index)}({parameters})",
            "{",
            *(fresh(graph, ident, names, literals.INDENT) for ident in names.fresh_tensors(graph, index)),
            f"    {loop}",
            *(LOOP + line for line in inputs),
            literals.fill(f"{LOOP}{function}(", arguments, ");"),
            "    }",
            "    ek_layer_end();",
            "}",
            "",
        ]
    )


def layer_at_once(
    graph: Graph, index: int, kernel: Kernel, names: Names, consts: Constants, planes: Planar | None = None
) -> str:
    """The layer's function where one call of the kernel computes the whole output.

    planes  how, where it does so plane by plane
    """
    op = graph.ops[index]
    _require_rows(graph, op, names, whole=True)
    inputs = _inputs(graph, op, Whole(), names, consts)
    target = f"ek_row_mut(ctx, &{names.map(op.outputs[0])}, 0)"
    function, more = kernel.function, [consts.weights_name]
    if planes is not None:
        function = kernel.planar
        more = [str(graph.result(op).hwc[0]), str(planes.channels), consts.weights_name, consts.requant_name]
    arguments = (f"&{names.constant(index)}", "in", target, *more, _scratch(index, names))
    return "\n".join(
        [
            f"static EK_LAYER void {names.layer(index)}(const ek_ctx_t *ctx)",
            "{",
            *(literals.INDENT + line for line in inputs),
            literals.fill(f"{literals.INDENT}{function}(", arguments, ");"),
            "    ek_layer_end();",
            "}",
            "",
        ]
    )


def _scratch(index: int, names: Names) -> str:
    """In C, where the working memory of an operator's kernel lies."""
    scratch = next((s for s in names.plan.scratch if s.op == index), None)
    return "NULL" if scratch is None else f"ek_at(ctx, {names.region(scratch.region)}, {scratch.offset})"


def coupled(graph: Graph, index: int, kernel: Kernel, plan: Plan) -> bool:
    """Whether two rows are computed at once: the kernel can, both are whole and where they stay, and some call has more
    than one."""
    op = graph.ops[index]
    if not kernel.couples(graph, op):
        return False
    held = [plan.storage(t.id) for t in (graph.operand(op, 0), graph.result(op))]
    whole = all(not s.split and s.first == Affine(0) and s.box == Box.of(graph.tensors[s.tensor].hwc) for s in held)
    runs = (leaf for node in walk.nodes(plan.schedule) for leaf in walk.leaves(node))
    return whole and any(isinstance(r, Run) and r.op == index and r.box.y1.const - r.box.y0.const > 1 for r in runs)


def _inputs(graph: Graph, op: Op, access: Access, names: Names, consts: Constants) -> list[str]:
    """Statements that define `in`, the kernel's row pointers."""
    if isinstance(access, Window):
        return _window(graph, op, access, names)
    rows = []
    for position, operand in enumerate(TABLE[op.kind].operands(graph, op)):
        y = "0" if isinstance(access, Whole) else row(access.maps[position], consts.rows.get(position, ""))
        if operand.is_constant:
            rows.append(_constant_row(operand, consts.operands[position], y))
        else:
            rows.append(_row(graph, operand.id, y, names))
    return literals.fill(f"const int8_t *const in[{len(rows)}] = {{", rows, "};").split("\n")


def _within_image(access: Access) -> str:
    """In C, the output row counted as the access counts it."""
    return f"(y % {access.images[2]})" if isinstance(access, Window) and access.images is not None else "y"


def _window(graph: Graph, op: Op, access: Window, names: Names) -> list[str]:
    source, out = graph.operand(op, 0), graph.result(op)
    name = names.map(source.id)
    y = _within_image(access)
    first = y if access.stride == 1 else f"{access.stride} * {y}"
    if access.up is not None:
        first = _floor_divided(first, -access.pad, access.up)
    elif access.kernel == 1 and access.pad == 0 and access.images is None:
        if (out.hwc[0] - 1) * access.stride < source.hwc[0]:
            return [f"const int8_t *const in[1] = {{{_row(graph, source.id, first, names)}}};"]
    elif access.pad:
        first += f" - {access.pad}"
    window = f"{access.kernel}, {first}, {access.dilation}"
    ahead = _ahead(graph, source.id, names)
    call = f"ek_rows(ctx, &{name}, in, {window});"
    if ahead:
        call = f"ek_rows_of_tile(ctx, &{name}, in, {window}, {ahead});"
    if names.storage(source.id).split:
        call = f"ek_rows_and_fresh(ctx, &{name}, in, {window}, {fresh_name(source.id, names)});"
    if access.images is not None:
        _, inside, rows = access.images
        call = f"ek_rows_of(ctx, &{name}, in, y / {rows} * {inside}, {inside}, {window});"
    return [f"const int8_t *in[{access.kernel}];", call]


def _floor_divided(value: str, offset: int, divisor: int) -> str:
    """In C, floor((value + offset) / divisor) of a value that is not negative."""
    whole, rest = divmod(offset, divisor)
    quotient = (f"({value} + {rest})" if rest else value) + f" / {divisor}"
    return quotient if not whole else f"{quotient} {'+' if whole > 0 else '-'} {abs(whole)}"


def row(mapped: RowMap | RowTable | None, table: str = "") -> str:
    """In C, the operand's row that row y of the output reads; `table` names the table where there is one."""
    if mapped is None:
        return "y"
    if isinstance(mapped, RowTable):
        return f"{table}[y]"
    terms = [] if mapped.first == 0 and mapped.terms else [str(mapped.first)]
    for divisor, modulus, step in mapped.terms:
        index = ("y" if divisor == 1 else f"y / {divisor}") + f" % {modulus}"
        terms.append(index if step == 1 else f"{index} * {step}")
    return " + ".join(terms)


def _constant_row(operand: Tensor, name: str, y: str) -> str:
    """A pointer to a row of a constant operand, as the kernel takes it."""
    _, pixels, channels = operand.hwc
    place = name if y == "0" else f"{name} + ({y}) * {pixels * channels}"
    return place if operand.dtype is DType.INT8 else f"(const int8_t *)({place})"


def _row(graph: Graph, ident: TensorId, y: str, names: Names) -> str:
    """In C, where row y of a tensor lies."""
    if names.storage(ident).split:
        return f"ek_row_or_fresh(ctx, &{names.map(ident)}, {y}, {fresh_name(ident, names)})"
    return f"ek_row(ctx, &{names.map(ident)}, {y}){_moved(graph, ident, names)}"


def _new_row(ident: TensorId, names: Names) -> str:
    """In C, where row y of a tensor is computed."""
    fresh = names.fresh(ident)
    inside = f"u + (uint32_t)(y % {fresh.rows} * {names.storage(ident).pitch})" if fresh.rows > 1 else ""
    return f"ek_at(ctx, {fresh.region}, {fresh.offset}{inside})"


def _moved(graph: Graph, ident: TensorId, names: Names) -> str:
    """In C, what takes a pointer to a tile's row back to where pixel 0 of that row would lie; "" for whole rows."""
    return back(graph.tensors[ident], names.storage(ident).first)


def _ahead(graph: Graph, ident: TensorId, names: Names) -> str:
    """In C, the bytes from pixel 0 of a row to where a tile begins; "" for whole rows."""
    return bytes_of(graph.tensors[ident], names.storage(ident).first)


def _require_rows(graph: Graph, op: Op, names: Names, whole: bool) -> None:
    """Maps address rows of all channels. whole: the kernel takes its input in one piece."""
    inputs = [t.id for t in TABLE[op.kind].operands(graph, op) if not t.is_constant]
    for ident in (*inputs, op.outputs[0]):
        storage, (rows, _, channels) = names.storage(ident), graph.tensors[ident].hwc
        b = storage.box
        if (b.y0, b.x0, b.c0, b.c1) != (0, 0, 0, channels):
            raise CodegenError("emit.storage", f"{op.kind}: the emitter holds rows of all channels only, not {b}")
        if whole and ident in inputs and (storage.slots < rows or not storage.contiguous):
            raise CodegenError("emit.storage", f"{op.kind} needs its whole input in one piece")
