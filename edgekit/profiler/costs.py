"""Cycle tables: what an instruction class costs on a core, read from profiles/cpu/<core>.toml."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .. import resources
from ..boards import Board
from ..config.toml import Document, decode, read
from ..emulate.classes import CLASSES, EVERYWHERE, Cycles

Provenance = Literal["vendor", "published", "fitted", "assumed"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one instruction of a class costs.

    cycles      core cycles, as estimates add them up
    condition   when the figure holds
    provenance  "vendor": the core's or chip's maker documents it; "published": another source does; "fitted": computed
                from published figures; "assumed": chosen
    source      where it was read, or what it was fitted to; empty only where assumed
    error       how far off it may be; "unknown" where nobody knows
    """

    cycles: float
    condition: str
    provenance: Provenance
    error: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """What "fitted" rows are: another core's row times a factor.

    base          the other core
    factor        cycles on this core / cycles on the other, the median over the published pairs
    lowest        the smallest such ratio; highest: the largest
    """

    base: str
    factor: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class CostTable:
    """One file of profiles/cpu/.

    core          as compilers name it, and the file's name
    error         how far off an inference's estimated cycles may be, in words
    not_modelled  what the estimate leaves out
    sources       the documents that rows name, in full
    instruction   instruction class -> its cost
    none          the classes of which the core has no instruction -> why; with `instruction`, every class once
    """

    schema: Literal[1]
    core: str
    error: str
    not_modelled: tuple[str, ...]
    sources: tuple[str, ...]
    instruction: dict[str, Cost]
    none: dict[str, str] = field(default_factory=dict)
    fit: Fit | None = None

    @property
    def cycles(self) -> Cycles:
        """Instruction class -> cycles; None for those of which the core has no instruction."""
        return {**{name: cost.cycles for name, cost in self.instruction.items()}, **dict.fromkeys(self.none)}


def cycle_table(board: Board) -> Cycles | None:
    """Cycles of every instruction class on the board's core; None where no table is known, and then no cycles are
    told."""
    table = cost_table(board.mcu.core)
    return None if table is None else table.cycles


def cost_table(core: str) -> CostTable | None:
    """The table of a core ("cortex-m7"); None where there is none. ConfigError where the file is wrong."""
    path = resources.profiles() / "cpu" / f"{core}.toml"
    return load(path) if path.is_file() else None


def load(path: Path) -> CostTable:
    """Read and check one table: every class of edgekit.emulate.classes once, with a cost or as one that the core does
    not have, no other, and each row complete."""
    document = read(path)
    table = decode(document, CostTable)
    if table.core != path.stem:
        raise document.error(("core",), f"is {table.core!r}", f"the file's name says {path.stem!r}")
    _check_classes(document, table)
    for name, cost in table.instruction.items():
        _check_cost(document, table, name, cost)
    return table


def _check_classes(document: Document, table: CostTable) -> None:
    named = [("instruction", name) for name in table.instruction] + [("none", name) for name in table.none]
    for at in named:
        if at[1] not in CLASSES:
            close = difflib.get_close_matches(at[1], CLASSES, n=1, cutoff=0.0)
            raise document.error(
                at,
                "unknown instruction class",
                f"did you mean {close[0]}? Valid here: {', '.join(CLASSES)}",
                "config.key",
            )
    for name, why in table.none.items():
        if name in table.instruction or name in EVERYWHERE:
            other = "has a cost, too" if name in table.instruction else "every core has it"
            raise document.error(("none", name), other, "a class stands in [none] or has a cost")
        if not why.strip():
            raise document.error(("none", name), "is empty", "say why the core has none")
    missing = [name for name in CLASSES if name not in table.instruction and name not in table.none]
    if missing:
        raise document.error(
            ("instruction",), f"lacks {', '.join(missing)}", "an estimate never fills a gap", "config.missing"
        )


def _check_cost(document: Document, table: CostTable, name: str, cost: Cost) -> None:
    at = ("instruction", name)
    if not (math.isfinite(cost.cycles) and cost.cycles >= 0):
        raise document.error((*at, "cycles"), f"is {cost.cycles}", "a number of cycles, 0 or more")
    for key, text in (("condition", cost.condition), ("error", cost.error)):
        if not text.strip():
            raise document.error((*at, key), "is empty", 'say "unknown" where it is')
    if not cost.source.strip() and cost.provenance != "assumed":
        raise document.error((*at, "source"), f"is missing, but the row is {cost.provenance}", "name where it was read")
    if cost.provenance == "fitted" and table.fit is None:
        raise document.error((*at, "provenance"), "is fitted, but the file has no [fit]", "add the [fit] table")
