"""The statements that run a schedule: calls of layers, loops, streamed rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import CodegenError
from ..ir.region import Box
from ..ir.types import Graph, Tensor
from ..schedule import walk
from ..schedule.types import Affine, Copy, Due, Keep, Loop, Node, Pull, Push, Run, Schedule, Slide
from . import literals
from .names import Names
from .rows import affine, fresh, fresh_name, pixel

Counts = Mapping[str, int]
"""The loop variables around a statement, and how many values, from 0 on, each takes."""


def statements(graph: Graph, names: Names, strips: frozenset[int]) -> Iterator[str]:
    """The body of <model>_invoke, in order."""
    for node in walk.nodes(names.plan.schedule):
        yield from _node(graph, node, names, strips, {})


def in_strips(graph: Graph, schedule: Schedule) -> frozenset[int]:
    """Operators that some Run computes in strips of pixels. Raises CodegenError for what cannot be emitted."""
    found = set()
    for node in walk.nodes(schedule):
        for leaf in walk.leaves(node):
            if isinstance(leaf, Run):
                whole = Box.of(_computed(graph, leaf).hwc)
                if (leaf.box.c0, leaf.box.c1) != (Affine(0), Affine(whole.c1)):
                    kind = graph.ops[leaf.op].kind
                    raise CodegenError("emit.schedule", f"{kind}: channel groups cannot be emitted yet")
                if (leaf.box.x0, leaf.box.x1) != (Affine(0), Affine(whole.x1)):
                    found.add(leaf.op)
    return frozenset(found)


def added(schedule: Schedule) -> frozenset[int]:
    """Operators that add up their input's rows as they come."""
    found = (leaf for node in walk.nodes(schedule) for leaf in walk.leaves(node))
    return frozenset(leaf.op for leaf in found if isinstance(leaf, Run) and leaf.adds)


def streams(schedule: Schedule) -> bool:
    """Whether rows are pulled or pushed, so that an inference can be aborted."""
    return bool(walk.streamed(schedule))


def _node(graph: Graph, node: Node, names: Names, strips: frozenset[int], counts: Counts) -> Iterator[str]:
    indent = literals.INDENT * (len(counts) + 1)
    if isinstance(node, Loop | Due):
        if isinstance(node, Loop):
            yield f"{indent}for (int {node.var} = 0; {node.var} < {node.n}; ++{node.var}) {{"
        else:
            yield f"{indent}const int {node.var} = ek_due({node.of}, {node.first}, {node.period}, {node.n});"
            yield f"{indent}if ({node.var} >= 0) {{"
        for child in node.body:
            yield from _node(graph, child, names, strips, {**counts, node.var: node.n})
        yield f"{indent}}}"
    elif isinstance(node, Run) and node.once is not None:
        yield f"{indent}ek_mark(ctx, {names.layers.index(node.op)});"
        yield f"{indent}{names.layer(node.op)}(ctx);"
    elif isinstance(node, Run):
        rows, pixels, _ = _computed(graph, node).hwc
        bounds = [_clipped(node.box.y0, rows, counts), _clipped(node.box.y1, rows, counts)]
        if node.op in strips:
            bounds += [_clipped(node.box.x0, pixels, counts), _clipped(node.box.x1, pixels, counts)]
        bounds += [names.tile_of(graph, node.op)] if names.tile_of(graph, node.op) else []
        bounds += names.turns_of(graph, node.op)
        yield f"{indent}ek_mark(ctx, {names.layers.index(node.op)});"
        yield literals.fill(f"{indent}{names.layer(node.op)}(", ("ctx", *bounds), ");")
    elif isinstance(node, Copy):
        new, storage = names.fresh(node.tensor), names.storage(node.tensor)
        place = f"ek_at(ctx, {new.region}, {new.offset + (new.rows - node.rows) * storage.pitch})"
        yield f"{indent}ek_mark(ctx, {names.writer(node.tensor)});"
        yield f"{indent}ek_keep_rows(ctx, &{names.map(node.tensor)}, {affine(node.row)}, {node.rows}, {place});"
    elif isinstance(node, Slide):
        size, held = pixel(graph.tensors[node.tensor]), names.storage(node.tensor)
        region, offset, pitch = names.region(held.region), held.offsets[0], held.pitch
        if held.strip is not None:
            strip = names.strip(node.tensor)
            region, offset, pitch = strip.region, strip.offset, strip.pixels * size
        kept, step = (node.x1.const - node.x0.const) * size, sum(k for _, k in node.x0.terms) * size
        yield f"{indent}ek_mark(ctx, {names.writer(node.tensor)});"
        yield f"{indent}ek_slide(ek_at(ctx, {region}, {offset}), {node.rows}, {pitch}, {kept}, {step});"
    elif isinstance(node, Keep):
        tensor = graph.tensors[node.tensor]
        bounds = [_clipped(bound, tensor.hwc[1], counts) for bound in (node.x0, node.x1)]
        begin, end = (f"{pixel(tensor)} * {_factor(bound)}" for bound in bounds)
        name = names.map(node.tensor)
        yield f"{indent}ek_mark(ctx, {names.writer(node.tensor)});"
        yield fresh(graph, node.tensor, names, indent)
        arguments = ("ctx", f"&{name}", affine(node.row), str(node.rows), fresh_name(node.tensor, names), begin, end)
        yield literals.fill(f"{indent}ek_keep(", arguments, ");")
    else:
        yield from _transfer(graph, node, names, counts)


def _factor(expression: str) -> str:
    """In C, an expression that something is multiplied with."""
    return f"({expression})" if " " in expression and not expression.startswith("ek_clip(") else expression


def _computed(graph: Graph, run: Run) -> Tensor:
    """The tensor that a Run's box is of."""
    op = graph.ops[run.op]
    return graph.operand(op, 0) if run.adds else graph.result(op)


def _transfer(graph: Graph, node: Pull | Push, names: Names, counts: Counts) -> Iterator[str]:
    """A row from or to the caller, where the tensor has such a row."""
    indent = literals.INDENT * (len(counts) + 1)
    verb, fetch = ("pull", "ek_row_mut") if isinstance(node, Pull) else ("push", "ek_row")
    rows, row = graph.tensors[node.tensor].hwc[0], affine(node.row)
    low, high = _range(node.row, counts)
    guarded = low < 0 or high >= rows
    if guarded:
        yield f"{indent}if ({row} >= 0 && {row} < {rows}) {{"
        indent += literals.INDENT
    place = f"{fetch}(ctx, &{names.map(node.tensor)}, {row})"
    if isinstance(node, Pull) and names.storage(node.tensor).fresh is not None:
        new = names.fresh(node.tensor)
        place = f"ek_at(ctx, {new.region}, {new.offset})"
    yield f"{indent}status = ctx->{verb}(ctx->user, {row}, {place});"
    yield f"{indent}if (status != EK_OK) {{"
    yield f"{indent}    return status;"
    yield f"{indent}}}"
    if guarded:
        yield f"{indent[len(literals.INDENT) :]}}}"


def _clipped(expression: Affine, end: int, counts: Counts) -> str:
    """A bound clipped to 0 .. end, by C only where some iteration leaves that range."""
    low, high = _range(expression, counts)
    if low == high:
        return str(min(max(low, 0), end))
    return affine(expression) if low >= 0 and high <= end else f"ek_clip({affine(expression)}, {end})"


def _range(expression: Affine, counts: Counts) -> tuple[int, int]:
    """The least and the largest value in any iteration."""
    ends = [(0, k * (counts[var] - 1)) for var, k in expression.terms]
    return expression.const + sum(map(min, ends)), expression.const + sum(map(max, ends))
