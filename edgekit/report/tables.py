"""Results as tables for the terminal. Every function returns renderables; printing is the command line's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..builder import MemoryUse
from ..frontend import TensorInfo
from ..plan_results import Explanation, PlanPoint
from ..results import (
    BoardsResult,
    BuildResult,
    DoctorResult,
    EvalResult,
    InspectResult,
    LayerResult,
    PlanResult,
    ProfileResult,
    Rewrite,
    RunResult,
)
from .fitted import fitted

Renderables = list[RenderableType]
BAR = 16


def build(result: BuildResult) -> Renderables:
    """Size per memory of the board, then the totals."""
    how = "cached" if result.cached else f"{result.seconds:.1f} s"
    stack = "no bound" if result.stack_bytes is None else f"{result.stack_bytes:,} B"
    return [
        f"[bold]{result.model}[/] for [bold]{result.board}[/] with {result.toolchain} ({how}), build {result.build_id}",
        regions(result.regions),
        f"SRAM   [bold]{result.sram_bytes:,} B[/]: arena {result.arena_bytes:,} B"
        f" (lower bound {result.arena_lower_bound_bytes:,} B), stack at most {stack}, the rest data and bss",
        f"flash  [bold]{result.flash_bytes:,} B[/]: weights {result.weights_bytes:,} B, code {result.code_bytes:,} B",
        *_kernels(result.kernels, result.library),
        *fitted(result),
        *work(result.macs, result.macs_original, result.rewrites),
        f"image  {_short(result.elf)}",
    ]


def plan(result: PlanResult) -> Renderables:
    """The memory plan: totals, regions, buffers by address, and what holds the peak."""
    table = plain_table("buffer", "region", "offset>", "bytes>", "live")
    for buffer in result.buffers:
        table.add_row(
            buffer["name"],
            buffer["region"],
            f"{buffer['offset']:,}",
            f"{buffer['bytes']:,}",
            f"{buffer['first']} .. {buffer['last']}",
        )
    certified = (
        "certified optimal for this schedule"
        if result.gap == 0.0
        else f"{result.gap:.1%} above it, not proven to be the least"
    )
    holders = ", ".join(f"{escape(name)} {size:,} B" for name, size in result.peak_tensors)
    return [
        f"[bold]{result.model}[/] on [bold]{result.board}[/], input {result.input},"
        f" output {result.output}: {result.schedule}",
        table,
        regions(result.regions),
        f"arena  [bold]{result.arena_bytes:,} B[/], live-set lower bound {result.arena_lower_bound_bytes:,} B:"
        f" {certified}",
        f"peak   in {result.peak_layer}: {holders}",
        *_kernels(result.kernels),
        *fitted(result),
        *work(result.macs, result.macs_original, result.rewrites),
        *(f"plot   {_short(path)}" for path in result.plots),
        *([f"saved  {_short(result.saved)}"] if result.saved is not None else []),
        *(explanation(result.explanation) if result.explanation is not None else []),
        *([points(result.points)] if result.points else []),
    ]


def explanation(result: Explanation) -> Renderables:
    """What holds the peak, tensor by tensor; what keeps it from being a stream; the next smaller plan."""
    table = plain_table("live bytes>", "of>", f"what is live at the peak, in {result.step}")
    for tensor in result.tensors:
        table.add_row(f"{tensor.bytes:,}", f"{tensor.of:,}" if tensor.of != tensor.bytes else "", escape(tensor.name))
    held = [f"{'limit ' if n == 0 else '      '} {escape(text)}" for n, text in enumerate(result.obstacles)]
    held = held or ["limit  the whole model can be one stream"]
    if result.smaller is None:
        return [table, *held, "next   no plan of the front is smaller"]
    point = result.smaller
    cost = f"about {point.extra_instructions:,} instructions more than layer by layer ({point.slowdown - 1:+.2%})"
    return [table, *held, f"next   [bold]{point.arena_bytes:,} B[/] with {cost}: {point.schedule}"]


def points(found: Sequence[PlanPoint]) -> Table:
    """The front between memory and time, the fastest first; instructions and cycles are estimates."""
    table = plain_table("arena>", "MACs>", "instructions>", "", "cycles>", "input", "output", "schedule")
    for point in found:
        work = "" if point.extra_instructions == 0 else f"+{point.extra_instructions:,}"
        share = "" if point.extra_instructions == 0 else f"{point.slowdown - 1:+.2%}"
        cycles = "" if point.cycles_estimate is None else f"{point.cycles_estimate / 1e6:,.2f} M"
        factor = f"{point.mac_factor:.2f}x"
        schedule = "; ".join((point.schedule, *point.rewritten))
        table.add_row(f"{point.arena_bytes:,}", factor, work, share, cycles, point.input, point.output, schedule)
    return table


def regions(memories: Iterable[MemoryUse]) -> Table:
    """Each memory of the board with a bar of its use."""
    table = plain_table("memory", "used>", "size>", "use", "", "what")
    table.columns[3].no_wrap = True
    for memory in memories:
        share = memory.used / memory.size if memory.size else 0.0
        filled = min(BAR, round(share * BAR)) or (1 if memory.used else 0)
        colour = "green" if share < 0.75 else "yellow" if share <= 1.0 else "red"
        bar = Text("█" * filled, colour) + Text("░" * (BAR - filled), "dim")
        parts = ", ".join(f"{name} {size:,}" for name, size in memory.parts.items() if size)
        table.add_row(memory.name, f"{memory.used:,}", f"{memory.size:,}", bar, f"{share:.0%}", parts)
    return table


def layers(rows: Sequence[LayerResult]) -> Table:
    """The per-layer table; columns that the target cannot tell stay empty."""
    table = plain_table("#>", "operator", "", "MACs>", "instructions>", "per MAC>", "cycles>", "share>")
    total = sum(r.instructions or r.cycles or 0 for r in rows)
    for row in rows:
        weight = row.instructions if row.instructions is not None else row.cycles
        table.add_row(
            str(row.index),
            row.op,
            row.detail,
            f"{row.macs:,}" if row.macs else "",
            number(row.instructions),
            f"{row.instructions / row.macs:.2f}" if row.instructions is not None and row.macs else "",
            number(row.cycles),
            f"{weight / total:.0%}" if weight is not None and total else "",
        )
    return table


def profile(result: ProfileResult) -> Renderables:
    """The per-layer table and the totals, each named for what it is."""
    where = {
        "emulated": "[yellow]emulated[/]: exact instruction counts; nothing here was measured on silicon",
        "qemu": "[yellow]emulated by QEMU[/]; nothing here was measured on silicon",
        "hardware": "measured on the board",
        "host": "run on this machine",
    }[result.target]
    shown: Renderables = [
        f"[bold]{result.model}[/] on [bold]{result.board}[/], {where}",
        layers(result.layers),
    ]
    if result.instructions is not None:
        shown.append(f"instructions  [bold]{result.instructions:,}[/]")
    if result.cycles is not None and result.latency_ms is not None and result.clock_hz is not None:
        shown.append(
            f"cycles        [bold]{result.cycles:,}[/] {result.cycles_source}:"
            f" {result.latency_ms:.3g} ms at {result.clock_hz / 1e6:g} MHz"
        )
    if result.stack_bytes is not None and result.arena_bytes is not None:
        shown.append(f"high water    stack {result.stack_bytes:,} B, arena {result.arena_bytes:,} B (painted memory)")
    verdict = "[green]equal to the reference[/]" if result.output_matches_reference else "[red]NOT the reference's[/]"
    shown.append(f"output        {verdict}, byte for byte (sha256 {result.output_sha256[:16]}…)")
    return shown


def run(result: RunResult) -> Renderables:
    """Class and score, and whether the output is the reference's."""
    shown: Renderables = []
    if result.label is not None and result.score is not None:
        shown.append(f"[bold]{result.label}[/]  score {result.score:.4g}")
    verdict = "equal to" if result.profile.output_matches_reference else "[red]NOT equal to[/]"
    shown.append(
        f"{result.profile.model} on {result.profile.board} ({result.profile.target}): output {verdict} the reference,"
        f" sha256 {result.profile.output_sha256[:16]}…"
    )
    shown.extend(f"wrote {_short(path)}" for path in result.outputs)
    return shown


def evaluation(result: EvalResult) -> Renderables:
    """Accuracy on host and device, and the sample-by-sample agreement."""
    return [
        f"[bold]{result.model}[/], {result.samples} samples",
        _accuracy("host reference", result.correct_host, result.samples),
        _accuracy(f"{result.board}, {result.target}", result.correct_device, result.samples),
        f"outputs equal byte for byte: {result.identical_outputs} of {result.samples}",
    ]


def _accuracy(who: str, correct: int, samples: int) -> str:
    return f"{who:<28} accuracy {correct / samples:.2%}  ({correct} right)"


def inspection(result: InspectResult) -> Renderables:
    """Operators with shapes, attributes and MACs; what is unsupported, and why."""
    model = result.inspection
    table = plain_table("#>", "operator", "", "inputs", "output", "MACs>", "")
    for op in model.operators:
        table.add_row(
            str(op.index),
            escape(op.name),
            op.attributes,
            ", ".join(_shape(t) for t in op.inputs if t is not None and not t.constant),
            ", ".join(_shape(t) for t in op.outputs),
            f"{op.macs:,}" if op.macs else "",
            "" if op.supported else Text(f"unsupported: {op.reason}", "red"),
        )
    shown: Renderables = [
        f"[bold]{model.name}[/], {model.file_bytes:,} B, weights {model.weights_bytes:,} B, {model.macs:,} MACs",
        *(f"input  {_tensor(t)}" for t in model.inputs),
        *(f"output {_tensor(t)}" for t in model.outputs),
        table,
    ]
    shown += [
        Text(f"cannot be built: {p.message}" + (f"\n  {p.hint}" if p.hint else ""), "red") for p in model.problems
    ]
    return shown


def _shape(tensor: TensorInfo) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _tensor(tensor: TensorInfo) -> str:
    quantized = f", scale {tensor.scale[0]:.6g}, zero point {tensor.zero_point[0]}" if len(tensor.scale) == 1 else ""
    return escape(f"{tensor.name} {_shape(tensor)} {tensor.dtype}{quantized}")


def boards(result: BoardsResult) -> Renderables:
    table = plain_table("board", "aliases", "core", "RAM>", "flash>", "status", "")
    for board in result.boards:
        table.add_row(
            board.name,
            ", ".join(board.aliases),
            board.core,
            f"{board.ram_bytes // 1024:,} KiB" if board.ram_bytes else "",
            f"{board.flash_bytes // 1024:,} KiB" if board.flash_bytes else "",
            board.status,
            board.title,
        )
    return [table]


def doctor(result: DoctorResult) -> Renderables:
    table = plain_table("", "what", "found", "needed for", "get it with")
    for check in result.checks:
        table.add_row(
            Text("✓", "green") if check.ok else Text("✗", "red"),
            *map(Text, (check.name, check.found, check.needed_for, check.remedy)),
        )
    return [table]


def work(now: int, original: int, rewrites: Sequence[Rewrite]) -> Iterator[str]:
    """MACs after exact rewrites, the model's own where they differ, and what each rewrite did."""
    yield f"work   {now:,} MACs" + ("" if now == original else f" (the model as it came: {original:,})")
    for rewrite in rewrites:
        saved = (f"{rewrite.macs_saved:,} MACs", f"{rewrite.bytes_saved:,} B of constants")
        parts = [text for text, n in zip(saved, (rewrite.macs_saved, rewrite.bytes_saved), strict=True) if n]
        times = "once" if len(rewrite.changes) == 1 else f"{len(rewrite.changes)} times"
        effect = f", less {' and '.join(parts)}" if parts else ""
        yield f"       [dim]{rewrite.name.replace('_', ' ')}: {times}{effect}[/]"


def _kernels(kernels: Mapping[str, str], library: str = "") -> Iterator[str]:
    """Whose kernels compute how many layers, and which layers are edgekit's; nothing where all are."""
    own = [layer for layer, provider in kernels.items() if provider == "edgekit"]
    if len(own) < len(kernels):
        others = ", ".join(f"{p} {n} layers" for p, n in Counter(p for p in kernels.values() if p != "edgekit").items())
        rest = f"; edgekit {len(own)}: {', '.join(own)}" if own else ""
        yield f"kernels {others}{rest}" + (f" ({library})" if library else "")


def _short(path: Path) -> Path:
    """The path as somebody in this folder would type it."""
    return path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path


def plain_table(*columns: str) -> Table:
    """A plain table; a column whose name ends in '>' is right-aligned."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.rstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table


def number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
