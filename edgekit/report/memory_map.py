"""The memory map of a plan: what lies where, when; as data and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit_codegen.emit.names import Names
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.buffer import Buffer, live_at, live_bytes, spans_of
from edgekit_codegen.memory.buffers import buffers
from edgekit_codegen.memory.calls import ENTRY, SPAN, step_of
from edgekit_codegen.memory.fit import at_peak, peak_time, step_name
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.naming import short_name
from edgekit_codegen.schedule import walk
from edgekit_codegen.schedule.types import Node, Run

from ..errors import UsageError
from ..plan_results import PlanPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Part = tuple[float, float, int, int]

SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, slots=True)
class Block:
    """One buffer with its address.

    label   its tensors by the layers that write them, as generated code names them: "conv2d_06, add_07"
    tensor  the source model's name of the first tensor; "scratch" for kernel scratch
    kind    "input", "output", "scratch", or the operator that writes it first
    region  index into the plan's regions
    offset  bytes from the region's base
    size    bytes; of a ring whose slots lie apart, the bytes of one slot
    first   step at which it begins to live; -1 for inputs, before the first step
    last    last step at which it is live; the number of steps for outputs
    parts   what of it lives when: (first moment, last moment, first byte, end), moments in steps and parts of a step
    """

    label: str
    tensor: str
    kind: str
    region: int
    offset: int
    size: int
    first: int
    last: int
    parts: tuple[Part, ...]


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
    names, items = Names(graph, plan), buffers(graph, plan.schedule)
    clock = _clock(items)
    made = [block for item in items for block in _blocks(graph, plan, names, item, clock)]
    return tuple(sorted(made, key=lambda b: (b.region, b.offset, b.first)))


def loads(graph: Graph, plan: Plan) -> dict[int, int]:
    """The most bytes that are live during every step; -1 is before the first, their number behind the last."""
    items, steps = buffers(graph, plan.schedule), range(-1, len(walk.nodes(plan.schedule)) + 1)
    found = {step: sum(live_at(item, max(step * SPAN, ENTRY)) for item in items) for step in steps}
    for time, load in live_bytes(items).items():
        found[step_of(time)] = max(found[step_of(time)], load)
    return found


def summarize(graph: Graph, plan: Plan) -> MapSummary:
    """The map as data."""
    items = buffers(graph, plan.schedule)
    last = max(len(walk.nodes(plan.schedule)) - 1, 0)
    live = ((_tensor(graph, item), size) for size, item in at_peak(items))
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
        for b in blocks(graph, plan)
    )
    at = step_of(peak_time(items))
    return MapSummary(step_name(graph, plan.schedule, at), tuple(live), tuple(rows))


def plot(graph: Graph, plan: Plan, path: Path) -> None:
    """Draw the map into a PNG, SVG or PDF: layers across, addresses up, one panel per region.

    UsageError where matplotlib (the extra `plot`) is not installed or the suffix is another.
    """
    save(lambda: draw(graph, plan), path)


def plot_front(title: str, points: Sequence[PlanPoint], chosen: int, path: Path) -> None:
    """Draw a front, as `plot` does the map. chosen: the bytes of arena of the plan that is marked."""

    def draw_front() -> Figure:
        from .front_picture import picture

        return picture(title, points, chosen)

    save(draw_front, path)


def file(path: Path, model: Path) -> Path:
    """The file to draw a model's map into: that one, or in a folder <model>-memory.png. Raises UsageError where nothing
    can be drawn (codes "plot.format", "plot.missing")."""
    path = path / f"{model.stem}-memory.png" if path.is_dir() else path
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError("plot.format", f"{path.name}: a plot is a {', '.join(SUFFIXES)} file")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("plot.missing", "drawing needs matplotlib", "pip install 'edgekit[plot]'") from None
    return path


def save(drawn: Callable[[], Figure], path: Path) -> None:
    """Write a figure, the same bytes every time; errors as `file`."""
    file(path, path)
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "edgekit", "font.family": "DejaVu Sans"}):
        figure = drawn()
        undated: Mapping[str, Any] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160, metadata=undated)


def draw(graph: Graph, plan: Plan) -> Figure:
    """The figure that `plot` saves."""
    from .memory_picture import picture

    names = Names(graph, plan)
    steps = [_column(names, node) for node in walk.nodes(plan.schedule)]
    peak = step_of(peak_time(buffers(graph, plan.schedule)))
    return picture(graph.name, plan, blocks(graph, plan), loads(graph, plan), steps, peak)


Clock = Callable[[int], float]
"""A time as a moment: steps, and the part of a step that has passed."""


def _clock(items: Sequence[Buffer]) -> Clock:
    longest: dict[int, int] = {}
    for item in items:
        spans = spans_of(item)
        for time in (*spans.first.tolist(), *spans.last.tolist()):
            longest[step_of(time)] = max(longest.get(step_of(time), 1), time % SPAN + 1)

    def moment(time: int) -> float:
        step = step_of(time)
        return step + min(time % SPAN / longest.get(step, 1), 1.0) if step >= 0 else -1.0

    return moment


def _blocks(graph: Graph, plan: Plan, names: Names, item: Buffer, clock: Clock) -> list[Block]:
    """One buffer; a ring whose slots lie apart as a block per slot."""
    if item.op is not None:
        held = next(s for s in plan.scratch if s.op == item.op)
        parts = _parts(item, held.offset, clock)
        return [_block(f"{names.constant(item.op)} scratch", "scratch", "scratch", held.region, item.size, parts)]
    storage = plan.storage(item.tensors[0])
    writers = {op.outputs[0]: i for i, op in enumerate(graph.ops) if i in names.layers}
    written = [writers[t] for t in item.tensors if t in writers]
    labels = ["input"] if item.tensors[0] in graph.inputs else []
    labels += [names.constant(i) for i in written]
    if any(t in graph.outputs for t in item.tensors):
        kind, labels = "output", [*labels, "output"]
    else:
        kind = "input" if item.tensors[0] in graph.inputs else graph.ops[written[0]].kind
    tensor, label = _tensor(graph, item), ", ".join(labels)
    if storage.contiguous:
        parts = _parts(item, storage.offsets[0] - item.begins[0], clock)
        return [_block(label, tensor, kind, storage.region, item.size, parts)]
    spans, made = spans_of(item), []
    for slot, offset in enumerate(storage.offsets):
        here = [n for n in range(len(spans.first)) if slot in {y % storage.slots for y in _held_rows(item, n)}]
        lives = ((int(spans.first[n]), int(spans.last[n])) for n in here)
        parts = tuple((clock(first), clock(last + 1), offset, offset + storage.pitch) for first, last in lives)
        if parts:
            made.append(_block(label, tensor, kind, storage.region, storage.pitch, parts))
    return made


def _held_rows(item: Buffer, n: int) -> range:
    """The rows of the tensor that part n of a buffer holds: one, or those of a tile's turn."""
    if item.tile is None:
        return range(n, n + 1)
    first = item.tile.row.const + n * sum(k for _, k in item.tile.row.terms)
    return range(first, first + item.tile.rows)


def _block(label: str, tensor: str, kind: str, region: int, size: int, parts: tuple[Part, ...]) -> Block:
    first, last = min(p[0] for p in parts), max(p[1] for p in parts)
    return Block(label, tensor, kind, region, min(p[2] for p in parts), size, floor(first), ceil(last) - 1, parts)


def _parts(item: Buffer, offset: int, clock: Clock) -> tuple[Part, ...]:
    """The buffer's parts; neighbours that live as long as each other are one."""
    spans, made = spans_of(item), list[Part]()
    rows = zip(*(array.tolist() for array in (spans.first, spans.last, spans.begin, spans.end)), strict=True)
    for first, last, begin, end in rows:
        part = clock(first), clock(last + 1), offset + begin, offset + end
        if made and made[-1][:2] == part[:2] and made[-1][3] == part[2]:
            part = (*made.pop()[:3], part[3])
        made.append(part)
    return tuple(made)


def _tensor(graph: Graph, item: Buffer) -> str:
    return "scratch" if item.op is not None else short_name(graph.tensors[item.tensors[0]])


def _column(names: Names, node: Node) -> str:
    """The layers that a step runs."""
    runs = dict.fromkeys(leaf.op for leaf in walk.leaves(node) if isinstance(leaf, Run))
    return ", ".join(names.constant(op) for op in runs)
