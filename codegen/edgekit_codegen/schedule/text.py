"""A schedule in a few words."""

from __future__ import annotations

from . import walk
from .types import Keep, Loop, Pull, Push, Run, Schedule, Segment, Slide


def describe(schedule: Schedule) -> str:
    """Which layers run as what: "layers", or "stream 0-7, layers 8-13 (9 in place), stream 14-15 reversed"."""
    numbers = {op: n for n, op in enumerate(walk.layers(schedule))}
    runs = [leaf for node in walk.nodes(schedule) for leaf in walk.leaves(node) if isinstance(leaf, Run)]
    if all(segment.kind == "layers" for segment in schedule.segments) and not any(run.planar for run in runs):
        return "layers"
    return ", ".join(_segment(segment, numbers) for segment in schedule.segments)


def _segment(segment: Segment, numbers: dict[int, int]) -> str:
    leaves = [leaf for node in segment.nodes for leaf in walk.leaves(node)]
    found = [numbers[leaf.op] for leaf in leaves if isinstance(leaf, Run)]
    span = f"{min(found)}-{max(found)}" if len(set(found)) > 1 else str(found[0])
    words = [segment.kind, span]
    over = [str(numbers[leaf.op]) for leaf in leaves if isinstance(leaf, Run) and leaf.planar]
    words += [f"({', '.join(over)} in place)"] if over else []
    if segment.kind == "stream":
        reverse = any(isinstance(leaf, Run) and any(k < 0 for _, k in leaf.box.y0.terms) for leaf in leaves)
        words += ["reversed"] if reverse else []
        words += _tiles(segment, numbers)
        words += ["from rows that arrive"] if any(isinstance(leaf, Pull) for leaf in leaves) else []
        words += ["to rows that leave"] if any(isinstance(leaf, Push) for leaf in leaves) else []
    return " ".join(words)


def _tiles(segment: Segment, numbers: dict[int, int]) -> list[str]:
    """Which layers of a stream run together: "(1-3 in 2x7)", rows by pixels of their tiles."""
    found = []
    for node in segment.nodes:
        for turn in node.body if isinstance(node, Loop) else ():
            runs = [leaf for leaf in walk.leaves(turn) if isinstance(leaf, Run)]
            if runs and (len(runs) > 1 or runs[0].box.x0.terms):
                box = runs[-1].box
                span = f"{numbers[runs[0].op]}-{numbers[runs[-1].op]}" if len(runs) > 1 else f"{numbers[runs[0].op]}"
                slides = any(isinstance(leaf, Slide) for leaf in walk.leaves(turn))
                how = " sliding" if slides else ""
                how += " over lines" if any(isinstance(leaf, Keep) for leaf in walk.leaves(turn)) else ""
                found.append(f"{span} in {box.y1.const - box.y0.const}x{box.x1.const}{how}")
    return [f"({', '.join(found)})"] if found else []
