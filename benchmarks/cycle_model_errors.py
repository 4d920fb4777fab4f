"""Estimates beside published cycles: how far off they are, what other models say of one, and edgekit's goal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.profiler.published import Published

from .cycle_model_runs import CMSIS_NN, Run

COUNTERPART = "microTVM + CMSIS-NN"
"""The published engine whose code is closest to what runs here: the same library, called ahead of time."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """An estimate and the published cycles that it should be."""

    run: Run
    published: Published
    core: str

    @property
    def engine(self) -> str:
        return self.published.submission.engine

    @property
    def key(self) -> Key:
        return self.core, self.engine, self.run.what

    @property
    def estimate(self) -> int:
        return self.run.cycles[self.core]

    @property
    def cycles(self) -> float:
        assert self.published.cycles is not None
        return self.published.cycles

    @property
    def off(self) -> float:
        """Relative error of the estimate: -0.2 is a fifth too few."""
        return self.estimate / self.cycles - 1


@dataclass(frozen=True, slots=True)
class Goal:
    """Cycles per published multiply-accumulate: the best published ones, and edgekit's estimate.

    factor  of the cycle model, from other models than this one
    """

    core: str
    model: str
    macs: int
    best: float
    engine: str
    estimate: float
    factor: float

    @property
    def corrected(self) -> float:
        return self.estimate * self.factor


def stands_for(run: Run, row: Published, core: str) -> bool:
    """Whether the run is a counterpart of the published row, and has an estimate for that core."""
    same = row.result.model == run.model and row.submission.engine in run.engines
    return same and row.submission.core == core and core in run.cycles


def pairs(runs: Sequence[Run], rows: Sequence[Published]) -> tuple[Pair, ...]:
    """Every run beside every published row of its engines, on the cores that it has estimates for."""
    return tuple(
        Pair(run, row, row.submission.core)
        for row in rows
        for run in runs
        if row.cycles is not None and stands_for(run, row, row.submission.core)
    )


def groups(of: Sequence[Pair]) -> dict[Key, tuple[Pair, ...]]:
    """(core, engine, what ran) -> its pairs, smaller cores first and then as published."""
    keys = sorted(dict.fromkeys(pair.key for pair in of), key=lambda key: (len(key[0]), key[0]))
    return {key: tuple(pair for pair in of if pair.key == key) for key in keys}


def factor_without(model: str, group: Sequence[Pair]) -> float | None:
    """The median of published / estimate over the other models; None where there is none."""
    others = [pair.cycles / pair.estimate for pair in group if pair.run.model != model]
    return statistics.median(others) if others else None


def left_out(group: Sequence[Pair]) -> dict[str, float]:
    """Model -> relative error of its estimate times the factor of the others."""
    factors = [(pair, factor_without(pair.run.model, group)) for pair in group]
    return {pair.run.model: pair.estimate * f / pair.cycles - 1 for pair, f in factors if f is not None}


def fit_without(model: str, rows: Sequence[Published], base: str, core: str) -> float:
    """Cycles on `core` / cycles on `base`: the median over the pairs of other models that a table is fitted to."""

    def key(row: Published) -> tuple[str | None, ...]:
        s = row.submission
        return (s.publication, s.submitter, s.engine, s.version, row.result.model)

    known = [(row, row.cycles) for row in rows if row.cycles is not None and row.result.model != model]
    bases = {key(row): cycles for row, cycles in known if row.submission.core == base}
    return statistics.median(
        cycles / bases[key(row)] for row, cycles in known if row.submission.core == core and key(row) in bases
    )


def best(rows: Sequence[Published], core: str, model: str) -> Published | None:
    """The row with the fewest cycles; None where no row has any."""
    known = [row for row in rows if row.submission.core == core and row.result.model == model]
    return min((row for row in known if row.cycles is not None), key=lambda row: row.cycles or 0, default=None)


def goals(
    own: Sequence[Run],
    compared: Sequence[Pair],
    rows: Sequence[Published],
    macs: Mapping[str, int],
    fits: Mapping[str, float],
) -> tuple[Goal, ...]:
    """edgekit's runs beside the best published ones of their cores.

    fits  core -> the factor that its table was fitted with, to the Cortex-M4's; a core without is not fitted
    """
    group = groups(compared)["cortex-m4", COUNTERPART, CMSIS_NN]
    found = []
    for run in own:
        row, factor = best(rows, run.core, run.model), factor_without(run.model, group)
        if row is None or row.cycles is None or factor is None:
            continue
        if run.core in fits:
            factor *= fit_without(run.model, rows, "cortex-m4", run.core) / fits[run.core]
        per_mac = run.cycles[run.core] / macs[run.model]
        engine = f"{row.submission.engine} {row.submission.version or ''}".strip()
        found.append(Goal(run.core, run.model, macs[run.model], row.cycles / macs[run.model], engine, per_mac, factor))
    return tuple(found)
