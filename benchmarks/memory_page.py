"""docs/memory.md: its rows, written and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from string import Template

from .memory_goals import SUBJECTS, Goal, Subject
from .memory_zoo import ZOO
from .models import ROOT

PAGE = ROOT / "docs" / "memory.md"
PAGE_TEXT = Path(__file__).with_name("memory.md.txt")
"""What the page says around its tables."""

NONE = "-"
"""The cell of a figure that is not known."""

COLUMNS = (
    *("model", "input", "goal", "met", "arena", "MACs", "instructions", "bound", "gap"),
    *("planner s", "text", "times", "board"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One plan and its firmware image.

    input         "resident", "streamed" or "random-access"
    mac_factor    multiply-accumulates executed by those of layer by layer
    instructions  of one inference by those of layer by layer, exact; None on the host, which counts none
    bound         bytes that no plan of the schedule can go below
    seconds       of processor time that the planner took, of the machine that made the page
    text          bytes of the image's code, and by those of layer by layer; None on the host
    """

    model: str
    input: str
    goal: Goal
    arena: int
    mac_factor: float
    instructions: float | None
    bound: int
    seconds: float
    text: int | None
    text_factor: float | None
    board: str

    @property
    def met(self) -> str:
        bytes_missed = self.arena / self.goal.arena - 1
        shown = Decimal(f"{self.mac_factor:.3f}").quantize(Decimal("0.01"), ROUND_HALF_UP)
        work_missed = float(shown) / self.goal.factor - 1
        if bytes_missed > 0:
            return f"misses by {bytes_missed:.1%}"
        return f"fits, factor misses by {work_missed:.1%}" if work_missed > 1e-9 else "yes"


def picture(subject: Subject) -> Path:
    return ROOT / "docs" / "images" / f"front-{subject.name}.png"


def read_rows(text: str) -> list[Row]:
    """The rows of a page as render() wrote it."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(COLUMNS) and cells[1] in ("resident", "streamed", "random-access"):
            arena, factor = cells[2].split(" @ ")
            rows.append(
                Row(
                    model=cells[0],
                    input=cells[1],
                    goal=Goal(_whole(arena), float(factor)),
                    arena=_whole(cells[4]),
                    mac_factor=float(cells[5]),
                    instructions=None if cells[6] == NONE else float(cells[6]),
                    bound=_whole(cells[7]),
                    seconds=float(cells[9]),
                    text=None if cells[10] == NONE else _whole(cells[10]),
                    text_factor=None if cells[11] == NONE else float(cells[11]),
                    board=cells[12],
                )
            )
    return rows


def _whole(cell: str) -> int:
    return int(cell.replace(",", ""))


def render(rows: Sequence[Row]) -> str:
    titles = {subject.title: subject for subject in SUBJECTS}
    shown = [row for row in rows if row.model in titles]
    zoo = [row for row in shown if titles[row.model].name in ZOO]
    known = [f"- {s.title}: {s.known}." for s in SUBJECTS if s.known]
    fronts = [f"![Front of {s.title}](images/{picture(s).name})" for s in SUBJECTS if s.front and picture(s).is_file()]
    return Template(PAGE_TEXT.read_text(encoding="utf-8")).substitute(
        goals=_table([row for row in shown if row not in zoo]),
        zoo=_table(zoo),
        known="\n".join(known),
        fronts="\n\n".join(fronts),
    )


def _table(rows: Sequence[Row]) -> str:
    lines = [COLUMNS, ("---", "---", "---:", *["---:"] * (len(COLUMNS) - 4), "---"), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.model,
        row.input,
        str(row.goal),
        row.met,
        f"{row.arena:,}",
        f"{row.mac_factor:.3f}",
        NONE if row.instructions is None else f"{row.instructions:.3f}",
        f"{row.bound:,}",
        f"{row.arena / row.bound - 1:.1%}",
        f"{row.seconds:.1f}",
        NONE if row.text is None else f"{row.text:,}",
        NONE if row.text_factor is None else f"{row.text_factor:.2f}",
        row.board,
    )
