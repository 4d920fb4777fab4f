"""What every model needs on every emulated board, with either toolchain: writes docs/status.md, which tests hold the
code to.

    python -m benchmarks.status [-j PROCESSES]

Only exact figures stand here: bytes, and instructions of the emulated core. They depend on the toolchains' versions,
which the page names; tests compare where they are the same.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from itertools import product

import edgekit
from edgekit import boards
from edgekit.builder import toolchains
from edgekit.errors import EdgekitError, FitError
from edgekit.results import BuildResult

from .models import REAL, ROOT, models

PAGE = ROOT / "docs" / "status.md"
BOARDS = tuple(board.name for board in boards.load_all() if board.emulator.engine != "none")
TOOLCHAINS = ("gnu", "zig")
OPTIMIZE = toolchains.LEVEL
TOLERANCE = 0.01
"""A larger change, relative to the table, must change the table in the same commit."""

_TIMEOUT = 600.0  # seconds that an inference may take on a busy machine

Target = tuple[str, str, str]
"""Board, model and toolchain."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model built for a board by a toolchain: bytes, and instructions of one inference over the fixed input."""

    model: str
    toolchain: str
    code: int
    weights: int
    arena: int
    stack: int
    sram: int
    instructions: int

    def differences(self, other: Row) -> list[str]:
        """The figures that differ from the other row's by more than the tolerance."""
        names = [f.name for f in fields(self)][2:]
        pairs = [(n, getattr(self, n), getattr(other, n)) for n in names]
        return [f"{n}: {a:,}, was {b:,}" for n, a, b in pairs if abs(a - b) > TOLERANCE * b]


@dataclass(frozen=True, slots=True)
class Page:
    """The page's content.

    versions  toolchain -> its version
    rows      what fits
    misfits   why the others do not, in a line each
    """

    versions: dict[str, str]
    rows: dict[Target, Row]
    misfits: dict[Target, str]

    def same(self, toolchain: str) -> bool:
        """Whether the toolchain, "gnu 12.2.1" for one, is the one that the figures are of."""
        name, _, version = toolchain.partition(" ")
        return self.versions.get(name) == version

    def complaints(self, target: Target, row: Row) -> list[str]:
        """What a build that fits differs in from the page."""
        return row.differences(self.rows[target]) if target in self.rows else ["it fits, or the page does not have it"]


def row(build: BuildResult, instructions: int) -> Row:
    """The row of a build and of the emulated inference over the fixed input."""
    sizes = (build.code_bytes, build.weights_bytes, build.arena_bytes, build.stack_bytes or 0, build.sram_bytes)
    return Row(build.model, build.toolchain.partition(" ")[0], *sizes, instructions)


def measure(target: Target) -> Row | str:
    """Build, run on the emulated board, and compare with the reference; why it does not fit where it does not."""
    board, model, toolchain = target
    with tempfile.TemporaryDirectory() as out:
        try:
            build = edgekit.build(models()[model], board=board, out=out, toolchain=toolchain, optimize=OPTIMIZE)
        except FitError as error:
            return error.message.splitlines()[0]
        profile = edgekit.profile(out, emulate=True, timeout=_TIMEOUT)
    if not profile.output_matches_reference:
        raise AssertionError(f"{model} on {board}, {toolchain}: the output differs from the reference")
    return row(build, profile.instructions or 0)


def _attempt(target: Target) -> Row | str:
    """measure(), in a process of its own: says that it is done, and fails with what survives the way back."""
    try:
        result = measure(target)
    except (EdgekitError, AssertionError) as error:
        raise RuntimeError(f"{', '.join(target)}: {error}") from None
    print(*target, result if isinstance(result, str) else "", file=sys.stderr, flush=True)
    return result


def read(text: str) -> Page:
    """A page as render() wrote it."""
    versions = re.search(r"^Toolchains: (.+); optimized ", text, re.MULTILINE)
    page = Page(dict(v.split(" ") for v in versions[1].split(", ")) if versions else {}, {}, {})
    board = ""
    for line in text.splitlines():
        cells = [c.strip().replace(",", "") for c in line.strip("|").split("|")]
        misfit = re.fullmatch(r"- (\w+), (\w+): (.+)", line)
        if line.startswith("## "):
            board = line.removeprefix("## ")
        elif misfit is not None:
            page.misfits[board, misfit[1], misfit[2]] = misfit[3]
        elif line.startswith("|") and len(cells) == len(fields(Row)) and cells[2].isdigit():
            page.rows[board, cells[0], cells[1]] = Row(cells[0], cells[1], *map(int, cells[2:]))
    return page


def render(page: Page) -> str:
    """The page as Markdown, a table a board."""
    versions = ", ".join(f"{name} {version}" for name, version in page.versions.items())
    lines = [
        "<!-- Generated by `make status`; change the code, not this file. -->",
        "",
        "# Status",
        "",
        "Bytes of one firmware image each, and instructions of one inference on the emulated core: exact, emulated,",
        "not measured on silicon. The stack is a bound. Every output equalled the reference. Boards that QEMU emulates",
        "count some ten instructions more in every layer ([emulator](emulator.md)).",
        "",
        f"Toolchains: {versions}; optimized `{OPTIMIZE}`.",
        "",
        "Where they are the same, tests fail if the code needs over 1 % more or less than this page says: `make test`",
        "compares some of the rows, `make test-full` all of them.",
    ]
    for board in dict.fromkeys(board for board, _, _ in (*page.rows, *page.misfits)):
        rows = [r for (on, _, _), r in page.rows.items() if on == board]
        misfits = [f"- {m}, {t}: {why}" for (on, m, t), why in page.misfits.items() if on == board]
        lines += ["", f"## {board}", "", *_table(rows), *([""] if misfits else []), *misfits]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Row]) -> list[str]:
    names = [f.name for f in fields(Row)]
    cells = [[f"{v:,}" if isinstance(v, int) else v for v in astuple(r)] for r in rows]
    return [f"| {' | '.join(line)} |" for line in (names, ["---", "---", *["---:"] * (len(names) - 2)], *cells)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.status", description="Write docs/status.md.")
    parser.add_argument("-j", type=int, default=os.cpu_count(), metavar="PROCESSES", dest="processes")
    options = parser.parse_args(arguments)
    absent = [name for name in REAL if name not in models()]
    if absent:
        sys.exit(f"{PAGE.name} stays as it is, for want of {', '.join(absent)}: set EDGEKIT_MODELS to their folder")
    try:
        versions = {name: toolchains.choose(name).version for name in TOOLCHAINS}
        targets = list(product(BOARDS, models(), TOOLCHAINS))
        with ProcessPoolExecutor(options.processes) as pool:
            results = dict(zip(targets, pool.map(_attempt, targets), strict=True))
    except (EdgekitError, RuntimeError) as error:
        sys.exit(f"{PAGE.name} stays as it is: {error}")
    rows = {target: r for target, r in results.items() if isinstance(r, Row)}
    misfits = {target: r for target, r in results.items() if isinstance(r, str)}
    PAGE.write_text(render(Page(versions, rows, misfits)), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows)} rows, {len(misfits)} that do not fit", file=sys.stderr)


if __name__ == "__main__":
    main()
