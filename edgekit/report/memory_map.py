"""The memory map of a plan: what lies where, when; as data and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit_codegen.emit.names import Names
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.buffers import Buffer, buffers, live_bytes
from edgekit_codegen.memory.fit import step_name
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.naming import short_name
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.types import Node, Run

from ..errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, slots=True)
class Block:
    """One buffer with its address.

    label   its tensors by the layers that write them, as generated code names them: "conv2d_06, add_07"
    tensor  the source model's name of the first tensor; "scratch" for kernel scratch
    kind    "input", "output", "scratch", or the operator that writes it first
    region  index into the plan's regions
    offset  bytes from the region's base
    size    bytes
    first   step at which it begins to live; -1 for inputs, before the first step
    last    last step at which it is live; the number of steps for outputs
    """

    label: str
    tensor: str
    kind: str
    region: int
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MapSummary:
    """What `edgekit plan` shows.

    peak_layer    the step whose live set is the lower bound
    peak_tensors  names and bytes of what is live there, largest first
    buffers       every buffer: name, tensor, region, offset, bytes, first and last layer at which it is live
    """

    peak_layer: str
    peak_tensors: tuple[tuple[str, int], ...]
    buffers: tuple[dict[str, Any], ...]


def blocks(graph: Graph, plan: Plan) -> tuple[Block, ...]:
    """Every buffer of the plan, by region and offset."""
    names = Names(graph, plan)
    made = [_block(graph, plan, names, item) for item in buffers(graph, plan.schedule)]
    return tuple(sorted(made, key=lambda b: (b.region, b.offset, b.first)))


def peak(graph: Graph, plan: Plan) -> int:
    """The first step at which the most bytes are live."""
    loads = live_bytes(buffers(graph, plan.schedule))
    return max(loads, key=lambda step: loads[step])


def summarize(graph: Graph, plan: Plan) -> MapSummary:
    """The map as data."""
    found = blocks(graph, plan)
    at = peak(graph, plan)
    last = max(len(walk.nodes(plan.schedule)) - 1, 0)
    live = sorted((b for b in found if b.first <= at <= b.last), key=lambda b: (-b.size, b.offset))
    rows = (
        {
            "name": b.label,
            "tensor": b.tensor,
            "region": plan.regions[b.region].name,
            "offset": b.offset,
            "bytes": b.size,
            "first": max(b.first, 0),
            "last": min(b.last, last),
        }
        for b in found
    )
    return MapSummary(step_name(graph, plan.schedule, at), tuple((b.tensor, b.size) for b in live), tuple(rows))


def plot(graph: Graph, plan: Plan, path: Path) -> None:
    """Draw the map into a PNG, SVG or PDF: layers across, addresses up, one panel per region.

    UsageError where matplotlib (the extra `plot`) is not installed or the suffix is another.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError("plot.format", f"{path.name}: a plot is a {', '.join(SUFFIXES)} file")
    try:
        import matplotlib
    except ImportError:
        raise UsageError("plot.missing", "drawing needs matplotlib", "pip install 'edgekit[plot]'") from None
    with matplotlib.rc_context({"svg.hashsalt": "edgekit", "font.family": "DejaVu Sans"}):
        figure = draw(graph, plan)
        undated: Mapping[str, Any] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160, metadata=undated)


def draw(graph: Graph, plan: Plan) -> Figure:
    """The figure that `plot` saves."""
    from .memory_picture import picture

    names = Names(graph, plan)
    steps = [_column(names, node) for node in walk.nodes(plan.schedule)]
    return picture(graph.name, plan, blocks(graph, plan), steps, peak(graph, plan))


def _block(graph: Graph, plan: Plan, names: Names, item: Buffer) -> Block:
    if item.op is not None:
        held = next(s for s in plan.scratch if s.op == item.op)
        label = f"{names.constant(item.op)} scratch"
        return Block(label, "scratch", "scratch", held.region, held.offset, item.size, item.first, item.last)
    storage = plan.storage(item.tensors[0])
    writers = {op.outputs[0]: i for i, op in enumerate(graph.ops) if i in names.layers}
    written = [writers[t] for t in item.tensors if t in writers]
    parts = ["input"] if item.tensors[0] in graph.inputs else []
    parts += [names.constant(i) for i in written]
    if any(t in graph.outputs for t in item.tensors):
        kind, parts = "output", [*parts, "output"]
    else:
        kind = "input" if item.tensors[0] in graph.inputs else graph.ops[written[0]].kind
    tensor = short_name(graph.tensors[item.tensors[0]])
    offset = storage.offsets[0] - item.begins[0]
    return Block(", ".join(parts), tensor, kind, storage.region, offset, item.size, item.first, item.last)


def _column(names: Names, node: Node) -> str:
    """The layers that a step runs."""
    runs = dict.fromkeys(leaf.op for leaf in walk.leaves(node) if isinstance(leaf, Run))
    return ", ".join(names.constant(op) for op in runs)
