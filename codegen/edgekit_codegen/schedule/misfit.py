"""The errors where no schedule fits, or none can stream an end of the graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..errors import DoesNotFit, UnsupportedModel
from ..ir.types import Graph, TensorId
from ..memory.buffers import buffers
from ..memory.fit import does_not_fit, hint, peak_lines
from ..memory.plan import Plan
from ..target import Target
from . import ends
from .text import describe


def nothing_fits(
    graph: Graph, target: Target, limit: int, best: Plan, modes: tuple[str, str], rewrites: Sequence[str] = ()
) -> DoesNotFit:
    """best: the smallest plan there is in one piece of memory; modes: of input and output, as Point has them; rewrites:
    what was done to the graph before."""
    items = buffers(graph, best.schedule)
    if best.arena_bytes <= limit:
        return does_not_fit(graph, best.schedule, target, items)
    offers = ", ".join(f"{region.name} {region.size:,}" for region in target.regions)
    lines = [
        f"needs {best.arena_bytes:,} bytes of memory in the smallest plan that was found, with its input {modes[0]} and"
        f" its output {modes[1]}, {limit:,} are allowed",
        f"the schedule for that: {describe(best.schedule)}",
        *([f"with {', '.join(rewrites)}"] if rewrites else []),
        f"{target.name} offers: {offers or 'none'}",
        "",
        *peak_lines(graph, best.schedule, items),
    ]
    return DoesNotFit("memory.does_not_fit", "\n".join(lines), hint(graph, items), best.arena_bytes)


def cannot_stream(graph: Graph, arriving: bool, pushed: Collection[TensorId]) -> UnsupportedModel:
    """Which end of the graph no schedule can stream, and why. arriving: it is the input."""
    if arriving:
        return UnsupportedModel(
            "unsupported.streamed_input",
            "the input cannot arrive row by row: what reads it needs the whole of it, or it is an output too",
            "plan without a streamed input",
        )
    found = (ends.resident(graph, ident) for ident in pushed)
    return cannot_leave(next((why for why in found if why is not None), "its rows are computed in no steady order"))


def cannot_leave(why: str) -> UnsupportedModel:
    """The error for an output that has to lie in memory as a whole."""
    return UnsupportedModel(
        "unsupported.streamed_output",
        f"the output cannot leave row by row: {why}",
        "plan without a streamed output",
    )
