"""What a plan does only because nothing else fits, in a line for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..results import BuildResult, PlanResult


def fitted(result: BuildResult | PlanResult) -> Iterator[str]:
    """What the graph was rewritten to, and all that the schedule costs; nothing where it was not."""
    if result.rewritten:
        more = (
            f"{result.mac_factor:.2f}x MACs, about {result.extra_instructions:,} instructions more than layer by layer"
        )
        yield f"to fit {', '.join(result.rewritten)}: {more}"
