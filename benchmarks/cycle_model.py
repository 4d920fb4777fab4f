"""How wrong the cycle model is, against published cycles of engines that can be run here: writes docs/cycle_model.md.

    python -m benchmarks.cycle_model [--elf FILE MODEL BOARD ENGINE BEGIN END]...

--elf takes another engine's image: the model's and the published engine's names as profiles/published.toml has them,
one of boards/, and two functions, from the entry of the first to the next entry of the second; "-" as the first is
reset, as the second the return of the first. CMSIS-NN's kernels are run where CMSIS_NN_ROOT says where CMSIS-NN lies.

Instructions are exact and emulated, cycles are estimates; nothing is measured on silicon.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgekit.builder import toolchains
from edgekit.builder.cmsis_nn import VARIABLE
from edgekit.errors import UsageError
from edgekit.profiler.costs import cost_table
from edgekit.profiler.published import published

from . import cycle_model_runs as runs
from .cycle_model_errors import stands_for
from .cycle_model_page import render
from .cycle_model_runs import M4, M7, Run
from .models import ROOT, models

PAGE = ROOT / "docs" / "cycle_model.md"
MODELS = ("mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ic", "mlperf_tiny_ad")
ON_M4 = ("microTVM + CMSIS-NN", "tflite-micro + CMSIS-NN", "tflite-micro + CMSIS")
ON_M7 = ("CMSIS-NN",)


def counterparts(elves: Sequence[Sequence[str]]) -> Iterator[Run]:
    """What stands for published engines."""
    if os.environ.get(VARIABLE):
        for model in MODELS:
            yield runs.cmsis_nn(model, M4, ON_M4, ("cortex-m4", "cortex-m33"))
        yield runs.cmsis_nn("mcunet_vww1", M7, ON_M7, ("cortex-m7",))
    for file, model, board, engine, *between in elves:
        begin, end = ("" if symbol == "-" else symbol for symbol in between)
        run = runs.elf(Path(file), model, board, engine, begin, end)
        if not any(stands_for(run, row, run.core) for row in published()):
            what = f"{model} by {engine} on a {run.core}"
            raise UsageError(
                "count.published", f"profiles/published.toml has no row of {what}", "see its engine and model"
            )
        yield run


def fits() -> dict[str, float]:
    """Core -> the factor to the Cortex-M4 that its cost table was made with."""
    tables = {core: cost_table(core) for core in ("cortex-m7", "cortex-m33")}
    return {core: table.fit.factor for core, table in tables.items() if table is not None and table.fit is not None}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cycle_model", description="The cycle model's error.")
    names = ("FILE", "MODEL", "BOARD", "ENGINE", "BEGIN", "END")
    parser.add_argument("--elf", action="append", nargs=len(names), metavar=names, default=[])
    options = parser.parse_args(arguments)
    if absent := [model for model in MODELS if model not in models()]:
        sys.exit(f"{PAGE.name} stays as it is, for want of {', '.join(absent)}: set EDGEKIT_MODELS to their folder")
    done = list(counterparts(options.elf))
    own = [runs.edgekits(model, board) for board in (M4, M7) for model in MODELS]
    macs = {model: runs.macs(model) for model in MODELS}
    tool = toolchains.choose(runs.TOOLCHAIN)
    page = render(done, own, published(), macs, fits(), f"{tool.name} {tool.version}")
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written", file=sys.stderr)


if __name__ == "__main__":
    main()
