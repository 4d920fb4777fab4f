"""Why a plan needs what it needs: what holds its peak, what keeps that from streaming, what a smaller plan costs."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.buffers import buffers
from edgekit_codegen.memory.calls import step_of
from edgekit_codegen.memory.fit import at_peak, label, peak_time, step_name
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.schedule.obstacles import obstacles

from ..plan_results import Explanation, PeakTensor, PlanPoint


def explain(graph: Graph, plan: Plan, points: Sequence[PlanPoint]) -> Explanation:
    """points: the front that the plan belongs to, in any order."""
    items = buffers(graph, plan.schedule)
    step = step_of(peak_time(items))
    smaller = [point for point in points if point.arena_bytes < plan.arena_bytes]
    return Explanation(
        step=step_name(graph, plan.schedule, step),
        tensors=tuple(PeakTensor(label(graph, item), size, item.size) for size, item in at_peak(items)),
        obstacles=obstacles(graph, plan.schedule, step),
        smaller=max(smaller, key=lambda point: point.arena_bytes, default=None),
    )
