"""The message of a model that does not fit: what is needed, what is there, and what holds the peak."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DoesNotFit
from ..ir.types import DType, Graph
from ..naming import short_name
from ..schedule import walk
from ..schedule.types import Run, Schedule
from ..target import Target
from .buffers import ENTRY, Buffer, live_bytes
from .pack import pack


def does_not_fit(graph: Graph, schedule: Schedule, target: Target, items: Sequence[Buffer]) -> DoesNotFit:
    """The error, with a table of regions and needed bytes and the names of the step and tensors at the peak."""
    loads = live_bytes(tuple(items))
    peak = max(loads, key=lambda t: loads[t])
    live = sorted((b for b in items if b.first <= peak <= b.last), key=lambda b: -b.size)
    height = pack(items).height
    offered = sum(r.size for r in target.regions)
    biggest = max(items, key=lambda b: b.size)
    largest_region = max((r.size for r in target.regions), default=0)
    lines = [f"needs {loads[peak]:,} bytes of memory, {target.name} offers {offered:,}"]
    if offered >= loads[peak]:
        lines = [f"needs {height:,} bytes of memory in one piece, {target.name} offers {offered:,} in pieces"]
    if biggest.size > largest_region:
        lines[0] += f"; {label(graph, biggest)} alone is larger than every region"
    lines += ["", f"  {'region':<12}{'offers':>12}{'needed alone':>16}{'missing':>12}"]
    for region in target.regions:
        missing = max(height - region.size, 0)
        lines.append(f"  {region.name:<12}{region.size:>12,}{height:>16,}{missing:>12,}")
    lines += ["", f"the peak is {step_name(graph, schedule, peak)}, where these are live:"]
    lines += [f"  {b.size:>12,}  {label(graph, b)}" for b in live]
    return DoesNotFit("memory.does_not_fit", "\n".join(lines), _hint(graph, live))


def step_name(graph: Graph, schedule: Schedule, step: int) -> str:
    """A step for people: its number among the layers and its operator."""
    steps = walk.nodes(schedule)
    if step == ENTRY:
        return "before the first layer, when the inputs are filled"
    if step >= len(steps):
        return "after the last layer, when the outputs are read"
    runs = [leaf.op for leaf in walk.leaves(steps[step]) if isinstance(leaf, Run)]
    op = graph.ops[runs[0]]
    number = walk.layers(schedule).index(runs[0])
    return f"layer {number:02d}, {op.kind} (operator {', '.join(map(str, op.origin)) or runs[0]})"


def label(graph: Graph, item: Buffer) -> str:
    """A buffer for people: the name, type and shape of its first tensor, or whose scratch it is."""
    if item.op is not None:
        return f"scratch of {graph.ops[item.op].kind}"
    tensor = graph.tensors[item.tensors[0]]
    return f"'{short_name(tensor)}' {tensor.dtype.value}{list(tensor.shape)}"


def _hint(graph: Graph, live: Sequence[Buffer]) -> str:
    at_edge = {*graph.inputs, *graph.outputs}
    if any(graph.tensors[t].dtype is DType.FLOAT32 and t in at_edge for b in live for t in b.tensors):
        return 'give the model int8 inputs and outputs (io = "int8"): float32 takes four times the memory'
    return "use a smaller input resolution or fewer channels at the peak, or a board with more memory"
