"""The message of a model that does not fit: what is needed, what is there, and what holds the peak."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DoesNotFit
from ..ir.types import DType, Graph
from ..naming import short_name
from ..schedule import walk
from ..schedule.types import Run, Schedule
from ..target import Target
from .buffer import Buffer, live_at, live_bytes
from .calls import step_of
from .pack import pack


def does_not_fit(graph: Graph, schedule: Schedule, target: Target, items: Sequence[Buffer]) -> DoesNotFit:
    """The error, with a table of regions and needed bytes and the names of the step and tensors at the peak."""
    needed = max(live_bytes(items).values())
    height = pack(items).height
    offered = sum(r.size for r in target.regions)
    biggest = max(items, key=lambda b: b.size)
    largest_region = max((r.size for r in target.regions), default=0)
    lines = [f"needs {needed:,} bytes of memory, {target.name} offers {offered:,}"]
    if offered >= needed:
        lines = [f"needs {height:,} bytes of memory in one piece, {target.name} offers {offered:,} in pieces"]
    if biggest.size > largest_region:
        lines[0] += f"; {label(graph, biggest)} alone is larger than every region"
    lines += ["", f"  {'region':<12}{'offers':>12}{'needed alone':>16}{'missing':>12}"]
    for region in target.regions:
        missing = max(height - region.size, 0)
        lines.append(f"  {region.name:<12}{region.size:>12,}{height:>16,}{missing:>12,}")
    lines += ["", *peak_lines(graph, schedule, items)]
    return DoesNotFit("memory.does_not_fit", "\n".join(lines), hint(graph, items))


def peak_lines(graph: Graph, schedule: Schedule, items: Sequence[Buffer]) -> list[str]:
    """What is live when the most bytes are, in words."""
    lines = [f"the peak is {step_name(graph, schedule, step_of(peak_time(items)))}, where these are live:"]
    for size, item in at_peak(items):
        part = "" if size == item.size else f", of {item.size:,}"
        lines.append(f"  {size:>12,}  {label(graph, item)}{part}")
    return lines


def peak_time(items: Sequence[Buffer]) -> int:
    """The first time at which the most bytes are live."""
    loads = live_bytes(items)
    return max(loads, key=lambda t: loads[t])


def at_peak(items: Sequence[Buffer]) -> list[tuple[int, Buffer]]:
    """The buffers that are live at the peak and how many of their bytes are, the largest first."""
    peak = peak_time(items)
    live = [(live_at(item, peak), item) for item in items]
    return sorted(((size, item) for size, item in live if size), key=lambda pair: -pair[0])


def step_name(graph: Graph, schedule: Schedule, step: int) -> str:
    """A step for people: its number among the layers and its operator, or the layers that run in one stream."""
    steps = walk.nodes(schedule)
    if step < 0:
        return "before the first layer, when the inputs are filled"
    if step >= len(steps):
        return "after the last layer, when the outputs are read"
    layers = walk.layers(schedule)
    runs = sorted({layers.index(leaf.op) for leaf in walk.leaves(steps[step]) if isinstance(leaf, Run)})
    if len(runs) > 1:
        return f"the stream of layers {runs[0]:02d} to {runs[-1]:02d}"
    op, number = graph.ops[layers[runs[0]]], runs[0]
    return f"layer {number:02d}, {op.kind} (operator {', '.join(map(str, op.origin)) or layers[number]})"


def label(graph: Graph, item: Buffer) -> str:
    """A buffer for people: the name, type and shape of its first tensor, or whose scratch it is."""
    if item.op is not None:
        return f"scratch of {graph.ops[item.op].kind}"
    tensor = graph.tensors[item.tensors[0]]
    return f"'{short_name(tensor)}' {tensor.dtype.value}{list(tensor.shape)}"


def hint(graph: Graph, items: Sequence[Buffer]) -> str:
    """What the user can change about what is live at the peak."""
    at_edge = {*graph.inputs, *graph.outputs}
    if any(graph.tensors[t].dtype is DType.FLOAT32 and t in at_edge for _, b in at_peak(items) for t in b.tensors):
        return 'give the model int8 inputs and outputs (io = "int8"): float32 takes four times the memory'
    return "use a smaller input resolution or fewer channels at the peak, or a board with more memory"
