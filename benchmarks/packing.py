"""How well buffers with known lives are packed, on the public instances of MiniMalloc: writes docs/packing.md.

    python -m benchmarks.packing FOLDER

FOLDER holds files NAME.CAPACITY.csv of columns id, lower, upper (exclusive), size, as in benchmarks/challenging of
google/minimalloc, which is not part of this project. CP-SAT runs where `ortools` can be imported.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import gcd
from pathlib import Path
from typing import Any

from edgekit_codegen.memory.buffer import Buffer, lower_bound
from edgekit_codegen.memory.exact import fits
from edgekit_codegen.memory.pack import Packing, pack

from .models import ROOT

PAGE = ROOT / "docs" / "packing.md"
NODES = 400_000
"""What the exact packer may spend on one instance."""

SOLVER_SECONDS = 40.0
"""What CP-SAT may spend on one instance."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Buffers and the bytes into which they are known to fit."""

    name: str
    capacity: int
    items: tuple[Buffer, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """height  bytes of the packing, None where none was found; seconds: of this machine; nodes: of the search tree"""

    height: int | None
    seconds: float
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One instance: what each packer made of it; solver is None without CP-SAT."""

    instance: Instance
    heuristic: Result
    exact: Result
    solver: Result | None


def read(path: Path) -> Instance:
    """An instance. Raises ValueError for a file that is not named NAME.CAPACITY.csv, and for alignments."""
    name, _, capacity = path.stem.partition(".")
    if not capacity.isdecimal():
        raise ValueError(f"{path.name}: the name does not say the capacity, as in A.1048576.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row.get("alignment", "1") not in ("", "1") for row in rows):
        raise ValueError(f"{path.name}: alignments other than 1 cannot be read")
    lives = ((int(row["lower"]), int(row["upper"]) - 1, int(row["size"])) for row in rows)
    return Instance(name, int(capacity), tuple(Buffer((), None, size, first, last, 0) for first, last, size in lives))


def measure(instance: Instance, nodes: int = NODES) -> Row:
    """The packer that plans use, then the exact one at the instance's capacity, then CP-SAT."""
    items = instance.items
    heuristic, seconds = timed(lambda: pack(items))
    (_, found, used), exact_seconds = timed(lambda: fits(items, instance.capacity, nodes))
    for packing in (heuristic, found):
        if packing is not None:
            check(items, packing)
    solver = cp_sat(instance) if find_spec("ortools") else None
    height = None if found is None else found.height
    return Row(instance, Result(heuristic.height, seconds), Result(height, exact_seconds, used), solver)


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = action()
    return result, time.perf_counter() - began


def check(items: Sequence[Buffer], packing: Packing) -> None:
    """Raises AssertionError where two buffers that live together share a byte."""
    for i, a in enumerate(items):
        for j in range(i):
            b, low, other = items[j], packing.offsets[i], packing.offsets[j]
            if a.first <= b.last and b.first <= a.last and low < other + b.size and other < low + a.size:
                raise AssertionError(f"buffers {j} and {i} overlap")


def cp_sat(instance: Instance) -> Result:
    """CP-SAT at the instance's capacity: rectangles of fixed times that do not overlap; one worker, a fixed seed."""
    from ortools.sat.python import cp_model  # type: ignore[import-not-found, unused-ignore]  # an optional extra

    model, unit = cp_model.CpModel(), gcd(*(item.size for item in instance.items))
    times = {t: n for n, t in enumerate(sorted({t for item in instance.items for t in (item.first, item.last + 1)}))}
    lives, places, offsets = [], [], []
    for n, item in enumerate(instance.items):
        first, after, size = times[item.first], times[item.last + 1], item.size // unit
        offsets.append(model.new_int_var(0, instance.capacity // unit - size, f"offset {n}"))
        lives.append(model.new_fixed_size_interval_var(first, after - first, f"life {n}"))
        places.append(model.new_fixed_size_interval_var(offsets[-1], size, f"place {n}"))
    model.add_no_overlap_2d(lives, places)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_time_in_seconds = SOLVER_SECONDS
    status, seconds = timed(lambda: solver.solve(model))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Result(None, seconds)
    packing = Packing(tuple(solver.value(o) * unit for o in offsets), 0)
    check(instance.items, packing)
    return Result(max(o + b.size for o, b in zip(packing.offsets, instance.items, strict=True)), seconds)


def render(rows: Sequence[Row]) -> str:
    solved = sum(row.exact.height is not None for row in rows)
    lines = [
        "<!-- Generated by `python -m benchmarks.packing FOLDER`; change the code, not this file. -->",
        "",
        "# Packing",
        "",
        "Buffers with known sizes and lives, to be given addresses so that no two that live together overlap: the",
        "public challenge of MiniMalloc (M. D. Moffitt, ASPLOS 2023; `benchmarks/challenging` in google/minimalloc),",
        "whose buffers fit into the capacity given, often with no byte to spare. The lower bound is the most that",
        "lives at a time.",
        "",
        "- `pack` (`memory/pack.py`) is what plans use: orders for first fit, improved, and a short search,",
        "  which is `exact` here. It knows rows that live one by one. Its gap is to the lower bound.",
        "- `exact` (`memory/exact.py`) answers whether buffers that live as a whole fit into a capacity.",
        f"- CP-SAT is asked the same, with one worker and {SOLVER_SECONDS:.0f} seconds, where `ortools` is installed.",
        "",
        f"`exact` packs {solved} of the {len(rows)} instances into their capacity. It counts nodes, of which it was",
        f"allowed {NODES:,}, so that its answer is the same on every machine; seconds are those of the machine that",
        "made this page.",
        "",
        "| instance | buffers | capacity | lower bound | `pack` | gap | s | `exact` | nodes | s | CP-SAT | s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        bound, height = lower_bound(row.instance.items), row.heuristic.height or 0
        solver = ["not run", ""] if row.solver is None else _cells(row.solver)
        cells = [
            row.instance.name,
            f"{len(row.instance.items):,}",
            f"{row.instance.capacity:,}",
            f"{bound:,}",
            f"{height:,}",
            f"{height / bound - 1:.1%}",
            f"{row.heuristic.seconds:.1f}",
            _cells(row.exact)[0],
            f"{row.exact.nodes:,}",
            _cells(row.exact)[1],
            *solver,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(result: Result) -> list[str]:
    height = "not found" if result.height is None else f"{result.height:,}"
    return [height, f"{result.seconds:.1f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packing", description="Write docs/packing.md.")
    parser.add_argument("folder", type=Path, help="the instances, files NAME.CAPACITY.csv")
    folder = parser.parse_args(arguments).folder
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        sys.exit(f"{folder} holds no .csv file: it should be benchmarks/challenging of google/minimalloc")
    rows = []
    for path in paths:
        rows.append(measure(read(path)))
        print(rows[-1].instance.name, rows[-1].heuristic, rows[-1].exact, rows[-1].solver, file=sys.stderr)
    PAGE.write_text(render(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
