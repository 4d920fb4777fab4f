"""How the memory map is drawn. Imports matplotlib: only the plotting function of `memory_map` imports this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from edgekit_codegen.memory.plan import OUTSIDE, Plan

if TYPE_CHECKING:
    from .memory_map import Block

INK, FAINT, PAPER = "#1f2933", "#9aa5b1", "#ffffff"
PEAK, BOUND = "#d64545", "#7b3fb5"
COLOURS = {
    "input": "#3e7cb1",
    "output": "#2f9e6e",
    "scratch": "#c4cbd3",
    "conv2d": "#f2a65a",
    "depthwise_conv2d": "#f6cf7d",
    "fully_connected": "#e58f8f",
    "add": "#b79ad6",
    "average_pool2d": "#8fcfd1",
    "max_pool2d": "#8fcfd1",
    "mean": "#8fcfd1",
}
OTHER = "#d7c3b0"
WHITE_ON = {"input", "output"}
SHORT = {
    "conv2d": "conv",
    "depthwise_conv2d": "dwconv",
    "fully_connected": "fc",
    "average_pool2d": "avgpool",
    "max_pool2d": "maxpool",
}
KIB = 1024
ROOM = 1.10  # height of a panel by what is used of the region
STREAM = 0.8  # width of a stream's further layers by that of a layer alone
MOST = 12  # layers that make a stream wider


def picture(
    title: str, plan: Plan, blocks: Sequence[Block], loads: Mapping[int, int], steps: Sequence[str], peak: int
) -> Figure:
    """Live bytes on top, then one panel of addresses per region in use."""
    time = Time([len(step.split(", ")) for step in steps])
    used = [i for i, use in enumerate(plan.regions) if use.used and use.name != OUTSIDE]
    total = sum(plan.regions[i].used for i in used)
    shares = [max(plan.regions[i].used / total, 0.22) for i in used]
    width = min(max(8.0, 2.8 + 0.34 * time.length), 16.0)
    figure = Figure(figsize=(width, 3.2 + 3.4 * sum(shares)), facecolor=PAPER, layout="constrained")
    grid = figure.subplots(1 + len(used), 1, sharex=True, squeeze=False, height_ratios=[0.26, *shares])
    panels = list(grid.flat)
    _live(panels[0], plan, loads, time, peak)
    for panel, region in zip(panels[1:], used, strict=True):
        _region(panel, plan, region, [b for b in blocks if b.region == region], time, peak)
    _columns(panels[-1], steps, time)
    gap = "proven optimal for this schedule" if plan.gap == 0.0 else f"{plan.gap:.1%} above it"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    panels[0].set_title(
        f"arena {plan.arena_bytes:,} bytes, live-set lower bound {plan.lower_bound_bytes:,} bytes: {gap}",
        loc="left",
        fontsize=9,
        color=INK,
    )
    figure.legend(handles=_legend(blocks), loc="outside lower left", ncols=9, frameon=False, fontsize=8, labelcolor=INK)
    figure.draw_without_rendering()  # settles the layout, so that labels know how much room they have
    for panel, region in zip(panels[1:], used, strict=True):
        for block in blocks:
            if block.region == region:
                _label(panel, block, time)
    return figure


class Time:
    """Moments as places on the time axis: a step is as wide as one layer, a stream wider the more layers it has."""

    def __init__(self, layers: Sequence[int]) -> None:
        self.steps = len(layers)
        widths = [1.0, *(1 + STREAM * (min(n, MOST) - 1) for n in layers), 1.0]
        self._moments = list(range(-1, self.steps + 2))
        self._places = [0.0, *accumulate(widths)]
        self.length = self._places[-1]

    def at(self, moment: float) -> float:
        """The place of a moment, at most the end."""
        return float(np.interp(moment, self._moments, self._places))

    def middle(self, step: int) -> float:
        return (self.at(step) + self.at(step + 1)) / 2


def _live(ax: Axes, plan: Plan, loads: Mapping[int, int], time: Time, peak: int) -> None:
    """Bytes live at every step, the lower bound, and the peak."""
    colours = [PEAK if t == peak else "#cbd2d9" for t in loads]
    widths = [time.at(t + 1) - time.at(t) - 0.14 for t in loads]
    ax.bar([time.middle(t) for t in loads], list(loads.values()), width=widths, color=colours)
    bound = plan.lower_bound_bytes
    ax.axhline(bound, color=BOUND, linewidth=1.2, linestyle=(0, (5, 3)))
    right = time.at(peak) < time.length / 2
    ax.annotate(
        f"peak = lower bound: {bound:,} B",
        (time.at(peak if right else peak + 1), bound),
        xytext=(0, 3),
        textcoords="offset points",
        ha="left" if right else "right",
        va="bottom",
        fontsize=8,
        color=BOUND,
    )
    _frame(ax, "live")
    _scale(ax, bound, 1.42, 2)


def _region(ax: Axes, plan: Plan, region: int, blocks: Sequence[Block], time: Time, peak: int) -> None:
    """The addresses of one region over time."""
    use = plan.regions[region]
    for block in blocks:
        _shape(ax, block, time, use.used)
    ax.axvspan(time.at(peak), time.at(peak + 1), ymax=1 / ROOM, color=PEAK, alpha=0.22, linewidth=0, zorder=2)
    ax.axhline(use.used, color=INK, linewidth=0.9)
    ax.text(
        time.length,
        use.used,
        f"{use.used:,} of {use.size:,} bytes used",
        ha="right",
        va="bottom",
        fontsize=8,
        color=INK,
    )
    _frame(ax, use.name)
    _scale(ax, use.used, ROOM, 6)


def _shape(ax: Axes, block: Block, time: Time, used: int) -> None:
    """A rectangle, or the stairs that rows make which live and die one by one."""
    inset = 0.05 if len(block.parts) == 1 else 0.0
    low = used * 0.002 if len(block.parts) == 1 else 0.0
    corners = []
    for first, last, begin, end in block.parts:
        x0, x1, y0, y1 = time.at(first) + inset, time.at(last) - inset, begin + low, max(end - low, begin + 2 * low)
        corners.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    ax.add_collection(
        PolyCollection(
            corners,
            facecolor=COLOURS.get(block.kind, OTHER),
            edgecolor=PAPER if len(block.parts) == 1 else "face",
            linewidth=0.6 if len(block.parts) == 1 else 0.1,
            hatch="////" if block.kind == "scratch" else None,
        )
    )


def _label(ax: Axes, block: Block, time: Time) -> None:
    """The fullest text that fits in a rectangle inside the block, upright or turned; none where none does."""
    names = ", ".join(short(part) for part in block.label.split(", "))
    texts = (f"{names}\n{block.size:,}", names, names.split(" ")[0])
    points = 72 / ax.figure.dpi
    for text in texts:
        lines = text.split("\n")
        along, across = max(map(len, lines)) * 4.2 + 2, len(lines) * 8.6
        for wide, high, turn in ((along, across, 0), (across, along, 90)):
            (_, bottom), (_, top) = ax.transData.inverted().transform([(0, 0), (0, high / points)])
            for x0, x1, y in _inside(block, time, top - bottom):
                (left, _), (right, _) = ax.transData.transform([(x0, y), (x1, y)])
                if wide <= (right - left) * points:
                    colour = PAPER if block.kind in WHITE_ON else INK
                    x = (x0 + x1) / 2
                    ax.text(x, y, text, rotation=turn, ha="center", va="center", fontsize=7, color=colour, zorder=3)
                    return


def _inside(block: Block, time: Time, high: float) -> Iterator[tuple[float, float, float]]:
    """Rectangles of some height inside a block, as (left, right, middle address): half way up, then above and below."""
    room = max(part[3] for part in block.parts) - block.offset - high
    for share in (0.5, 0.7, 0.3, 0.9, 0.1) if room >= 0 else ():
        begin = block.offset + room * share
        rows = [part for part in block.parts if part[2] < begin + high and part[3] > begin]
        left, right = max(part[0] for part in rows), min(part[1] for part in rows)
        if left < right and len({part[2] for part in rows}) == len(rows):
            yield time.at(left), time.at(right), begin + high / 2


def short(label: str) -> str:
    """A layer's name for tight places: depthwise_conv2d_01 becomes 01 dwconv."""
    kind, _, number = label.rpartition("_")
    return f"{number} {SHORT.get(kind, kind)}" if number.isdigit() else label


def _step(layers: Sequence[str]) -> str:
    """The layers of a step; of many, the first and the last."""
    names = [short(layer) for layer in layers]
    return ", ".join(names) if len(names) < 3 else f"{names[0]} .. {names[-1]}"


def _columns(ax: Axes, steps: Sequence[str], time: Time) -> None:
    """Layers under the last panel, between what the caller writes and reads."""
    ax.set_xlim(-0.2, time.length + 0.2)
    ax.set_xticks([time.middle(t) for t in range(-1, len(steps) + 1)])
    names = [_step(step.split(", ")) for step in steps]
    ax.set_xticklabels(["fill inputs", *names, "read outputs"], rotation=60, ha="right", fontsize=7.5)
    ax.tick_params(axis="x", length=0, pad=1)
    for label in ax.get_xticklabels():
        label.set_rotation_mode("anchor")


def _frame(ax: Axes, name: str) -> None:
    ax.set_ylabel(name, fontsize=9, fontweight="bold", color=INK)
    ax.tick_params(labelsize=7.5, colors=INK, length=2)
    ax.grid(axis="y", color=FAINT, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)


def _scale(ax: Axes, highest: int, room: float, ticks: int) -> None:
    """Addresses from 0, in KiB where there are that many."""
    ax.set_ylim(0, max(highest, 1) * room)
    unit = KIB if highest >= 4 * KIB else 1
    step = next(s * unit for k in range(12) for s in (2**k,) if s * unit * ticks >= highest)
    ax.set_yticks(range(0, highest + 1, step))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / unit:.0f}{' K' if unit == KIB else ''}"))


def _legend(blocks: Sequence[Block]) -> list[Patch]:
    """One entry per kind that occurs, inputs and outputs first."""
    kinds = sorted({b.kind for b in blocks}, key=lambda k: (k not in WHITE_ON, k == "scratch", k))
    colours: dict[str, list[str]] = {}
    for kind in kinds:
        colours.setdefault(COLOURS.get(kind, OTHER), []).append(kind.replace("_", " "))
    return [Patch(facecolor=colour, label=", ".join(names)) for colour, names in colours.items()]
