"""The statements that run a schedule: calls of layers, loops, streamed rows."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import CodegenError
from ..ir.region import Box
from ..ir.types import Graph
from ..schedule import walk
from ..schedule.types import Accumulate, Affine, Copy, Loop, Node, Pull, Run, Schedule
from . import literals
from .names import Names


def statements(graph: Graph, names: Names, strips: frozenset[int]) -> Iterator[str]:
    """The body of <model>_invoke, in order."""
    for node in walk.nodes(names.plan.schedule):
        yield from _node(graph, node, names, strips, 1)


def in_strips(graph: Graph, schedule: Schedule) -> frozenset[int]:
    """Operators that some Run computes in strips of pixels. Raises CodegenError for what cannot be emitted."""
    found = set()
    for node in walk.nodes(schedule):
        for leaf in walk.leaves(node):
            if isinstance(leaf, Copy):
                raise CodegenError("emit.schedule", "Copy nodes cannot be emitted yet")
            if isinstance(leaf, Run):
                whole = Box.of(graph.result(graph.ops[leaf.op]).hwc)
                if (leaf.box.c0, leaf.box.c1) != (Affine(0), Affine(whole.c1)) or leaf.acc is not Accumulate.NONE:
                    kind = graph.ops[leaf.op].kind
                    raise CodegenError("emit.schedule", f"{kind}: channel groups cannot be emitted yet")
                if (leaf.box.x0, leaf.box.x1) != (Affine(0), Affine(whole.x1)):
                    found.add(leaf.op)
    return frozenset(found)


def streams(schedule: Schedule) -> bool:
    """Whether rows are pulled or pushed, so that an inference can be aborted."""
    return bool(walk.streamed(schedule))


def _node(graph: Graph, node: Node, names: Names, strips: frozenset[int], depth: int) -> Iterator[str]:
    indent = literals.INDENT * depth
    if isinstance(node, Loop):
        yield f"{indent}for (int {node.var} = 0; {node.var} < {node.n}; ++{node.var}) {{"
        for child in node.body:
            yield from _node(graph, child, names, strips, depth + 1)
        yield f"{indent}}}"
    elif isinstance(node, Run):
        rows, pixels, _ = graph.result(graph.ops[node.op]).hwc
        bounds = [_clipped(node.box.y0, rows), _clipped(node.box.y1, rows)]
        if node.op in strips:
            bounds += [_clipped(node.box.x0, pixels), _clipped(node.box.x1, pixels)]
        yield f"{indent}ek_mark(ctx, {names.layers.index(node.op)});"
        yield f"{indent}{names.layer(node.op)}(ctx, {', '.join(bounds)});"
    elif isinstance(node, Copy):
        raise CodegenError("emit.schedule", "Copy nodes cannot be emitted yet")
    else:
        verb = "pull" if isinstance(node, Pull) else "push"
        rows, row = graph.tensors[node.tensor].hwc[0], affine(node.row)
        fetch = "ek_row_mut" if verb == "pull" else "ek_row"
        yield f"{indent}if ({row} >= 0 && {row} < {rows}) {{"
        yield f"{indent}    status = ctx->{verb}(ctx->user, {row}, {fetch}(ctx, &{names.map(node.tensor)}, {row}));"
        yield f"{indent}    if (status != EK_OK) {{"
        yield f"{indent}        return status;"
        yield f"{indent}    }}"
        yield f"{indent}}}"


def affine(expression: Affine) -> str:
    """An affine expression in C."""
    text = ""
    for var, k in expression.terms:
        term = var if abs(k) == 1 else f"{abs(k)} * {var}"
        text += (f" {'-' if k < 0 else '+'} " if text else "-" if k < 0 else "") + term
    if not text:
        return str(expression.const)
    if expression.const:
        text += f" {'-' if expression.const < 0 else '+'} {abs(expression.const)}"
    return text


def _clipped(expression: Affine, end: int) -> str:
    """A bound clipped to 0 .. end, by the compiler of C where it varies."""
    if not expression.terms:
        return str(min(max(expression.const, 0), end))
    return f"ek_clip({affine(expression)}, {end})"
