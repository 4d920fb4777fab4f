"""The front between memory and time as a picture. Imports matplotlib: only `memory_map.plot_front` imports this."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..plan_results import PlanPoint
from .memory_picture import BOUND, FAINT, INK, PAPER, PEAK

LONGEST = 64
"""Characters of a schedule that are shown."""


def picture(title: str, points: Sequence[PlanPoint], chosen: int) -> Figure:
    """Memory across, time up, a corner per plan; the plan whose arena has `chosen` bytes is marked."""
    figure = Figure(figsize=(9.0, 5.2), facecolor=PAPER, layout="constrained")
    ax = figure.subplots()
    sizes = [point.arena_bytes for point in points]
    costs = [100 * (point.slowdown - 1) for point in points]
    ax.step(sizes, costs, where="post", color=FAINT, linewidth=1.2, zorder=1)
    ax.scatter(sizes, costs, s=34, color=BOUND, zorder=2)
    if chosen in sizes:
        at = sizes.index(chosen)
        ax.scatter([sizes[at]], [costs[at]], s=150, facecolors="none", edgecolors=PEAK, linewidths=1.6, zorder=3)
    _label(figure, points, sizes, costs, chosen)
    room = max(sizes) - min(sizes) or max(sizes)
    high = max(costs) or 1.0
    ax.set_ylim(-0.08 * high, 1.18 * high)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 1024:g} K"))
    ax.set_xticks([k * _tick(max(sizes)) for k in range(max(sizes) // _tick(max(sizes)) + 1)])
    ax.set_xlim(max(min(sizes) - 0.06 * room, 0), max(sizes) + 0.42 * room)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:+.3g} %" if v else "layer by layer"))
    ax.set_xlabel("arena", fontsize=9, fontweight="bold", color=INK)
    ax.set_ylabel("instructions, estimated", fontsize=9, fontweight="bold", color=INK)
    ax.tick_params(labelsize=8, colors=INK, length=2)
    ax.grid(color=FAINT, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    inputs = " and ".join(dict.fromkeys(point.input for point in points))
    outputs = " and ".join(dict.fromkeys(point.output for point in points))
    ax.set_title(
        f"plans that no other one beats in both memory and time, input {inputs}, output {outputs};"
        " the circle is the plan in use",
        loc="left",
        fontsize=9,
        color=INK,
    )
    return figure


def _label(
    figure: Figure, points: Sequence[PlanPoint], sizes: Sequence[int], costs: Sequence[float], chosen: int
) -> None:
    """Bytes and schedule beside each corner, as far as one label does not lie on another; the ends come first."""
    (ax,) = figure.axes
    order = dict.fromkeys([0, len(points) - 1, *(i for i, s in enumerate(sizes) if s == chosen), *range(len(points))])
    taken: list[float] = []
    high = max(costs) or 1.0
    for n in order:
        if any(abs(costs[n] - other) < 0.045 * high for other in taken):
            continue
        taken.append(costs[n])
        schedule = points[n].schedule
        short = schedule if len(schedule) <= LONGEST else schedule[: LONGEST - 1] + "…"
        ax.annotate(
            f"{sizes[n]:,} B  {short}",
            (sizes[n], costs[n]),
            xytext=(9, 3),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
            va="bottom",
        )


def _tick(largest: int) -> int:
    """Whole KiB between two marks of the axis, at most eight of them."""
    return next(1024 << k for k in range(20) if (1024 << k) * 8 >= largest)
