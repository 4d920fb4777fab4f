"""The table of `bench`: layers and totals of several images side by side."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..bench_results import BenchFigure, BenchResult, BenchRun
from .tables import Renderables, number, plain_table

_WHERE = {
    "emulated": "[yellow]emulated[/]; nothing here was measured on silicon",
    "qemu": "[yellow]emulated by QEMU[/]; nothing here was measured on silicon",
    "hardware": "measured on the board",
    "host": "run on this machine, which counts nothing",
}


def bench(result: BenchResult) -> Renderables:
    """Per layer and in all, what each image needs, and by how much that is more or less than the first one's."""
    counted = all(run.instructions is not None for run in result.runs)
    what = "instructions" if counted else "cycles"
    libraries = dict.fromkeys(run.library for run in result.runs if run.library)
    return [
        f"[bold]{result.model}[/] on [bold]{result.board}[/], {_WHERE[result.target]}",
        _layers(result, what),
        _totals(result.runs, what),
        *(escape(library) for library in libraries),
        *map(_verdict, result.runs),
    ]


def _layers(result: BenchResult, what: str) -> Table:
    first, *others = (run.kernels for run in result.runs)
    table = plain_table("operator", "", "MACs>", f"{first} {what}>", *(h for n in others for h in (f"{n}>", ">")))
    for layer in result.layers:
        base, *rest = layer.figures
        cells = (cell for figure in rest for cell in (_figure(figure, what, base), _times(figure, base, what)))
        table.add_row(layer.op, layer.detail, f"{layer.macs:,}" if layer.macs else "", _figure(base, what), *cells)
    return table


def _figure(figure: BenchFigure | None, what: str, base: BenchFigure | None = None) -> Text:
    """A figure, dim where it is the same provider's kernel as the first image has."""
    if figure is None:
        return Text("no code", "dim")
    same = base is not None and base.kernels == figure.kernels
    return Text(number(getattr(figure, what)), "dim" if same else "")


def _times(figure: BenchFigure | BenchRun | None, base: BenchFigure | BenchRun | None, what: str) -> str:
    """By what the first one's figure is to be multiplied; nothing where there are not both."""
    mine, its = (None if f is None else getattr(f, what) for f in (figure, base))
    return f"x{mine / its:.2f}" if mine is not None and its else ""


def _totals(runs: Iterable[BenchRun], what: str) -> Table:
    first, *others = runs
    table = plain_table("kernels", f"{what}>", ">", "arena>", "code>", "weights>", "stack>", "SRAM>")
    for run in (first, *others):
        sizes = (run.arena_bytes, run.code_bytes, run.weights_bytes, run.stack_bytes, run.sram_bytes)
        times = "" if run is first else _times(run, first, what)
        table.add_row(run.kernels, number(getattr(run, what)), times, *map(number, sizes))
    return table


def _verdict(run: BenchRun) -> str:
    equal = "[green]equal to the reference[/]" if run.output_matches_reference else "[red]NOT the reference's[/]"
    return f"output with {run.kernels}: {equal}, byte for byte"
