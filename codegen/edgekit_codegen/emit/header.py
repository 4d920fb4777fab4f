"""<model>.h: what a caller needs: sizes, functions, the descriptor."""

from __future__ import annotations

from ..ir.types import Graph, Tensor
from ..naming import dimensions, short_name
from ..schedule import walk
from . import literals
from .names import Names
from .project import template

_PULLED = """\
 *
 * The input is streamed: it lies nowhere as a whole. {name}_invoke calls ctx->pull for its rows, from the first to the
 * last, each once: pull writes the row to dst and returns EK_OK; it may wait for the row. What else it returns ends the
 * inference; the next one begins anew.
"""
_PUSHED = """\
 *
 * The output is streamed: it lies nowhere as a whole. {name}_invoke calls ctx->push with its rows, from the first to
 * the last, each once: push takes what it needs of the row at src, which is overwritten afterwards, and returns EK_OK.
 * What else it returns ends the inference; the next one begins anew.
"""
_OUTSIDE = """\
 *
 * The input is yours: ctx->region[{region}] is where it lies, a frame buffer for example. {name}_invoke reads it there,
 * in any order, and writes nothing to it; it must not change meanwhile.
"""


def header(graph: Graph, name: str, names: Names) -> str:
    """The text of <name>.h."""
    upper, streamed = name.upper(), walk.streamed(names.plan.schedule)
    regions = []
    for number, index in enumerate(names.used):
        use = names.plan.regions[index]
        regions.append(f'#define {upper}_REGION_{number}_BYTES {use.used}u /* "{literals.comment(use.name)}" */')
        regions.append(f"#define {upper}_REGION_{number}_ALIGN {use.align}")
    tensors = []
    for word, idents in (("INPUT", graph.inputs), ("OUTPUT", graph.outputs)):
        for i, ident in enumerate(idents):
            tensor = graph.tensors[ident]
            tensors.append(f"#define {upper}_{word}_{i}_BYTES {tensor.bytes}u /* {meaning(tensor)} */")
            if ident in streamed:
                rows = tensor.hwc[0]
                tensors.append(f"#define {upper}_{word}_{i}_ROWS {rows}")
                tensors.append(f"#define {upper}_{word}_{i}_ROW_BYTES {tensor.bytes // rows}u")
    return template("model.h").substitute(
        name=name,
        guard=f"{upper}_H",
        upper=upper,
        title=literals.comment(graph.name),
        n_layers=len(names.layers),
        n_regions=len(names.used),
        n_inputs=len(graph.inputs),
        n_outputs=len(graph.outputs),
        regions="\n".join(regions),
        tensors="\n".join(tensors),
        streaming=_outside(graph, name, names)
        + "".join(
            text.format(name=name)
            for text, idents in ((_PULLED, graph.inputs), (_PUSHED, graph.outputs))
            if streamed & set(idents)
        ),
        arena=names.plan.arena_bytes,
    )


def _outside(graph: Graph, name: str, names: Names) -> str:
    return _OUTSIDE.format(name=name, region=len(names.used) - 1) if graph.outside else ""


def meaning(tensor: Tensor) -> str:
    """A tensor in a comment: name, type, shape, and how to read its numbers."""
    text = f"{short_name(tensor)}: {tensor.dtype.value} {dimensions(tensor)}"
    if tensor.quant is not None and not tensor.quant.per_channel:
        zero = tensor.zero_point
        shift = f"(q {'+' if zero < 0 else '-'} {abs(zero)})" if zero else "q"
        text += f", real = {tensor.scale:.9g} * {shift}"
    return literals.comment(text)
