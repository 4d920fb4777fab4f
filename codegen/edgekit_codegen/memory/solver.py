"""Google's CP-SAT as a packer, of the extra `solver`: what it finds may be lower than what the own packer found.

One worker, one seed and a limit in its own deterministic time: the same version gives the same offsets on any machine.
"""

from __future__ import annotations

from math import gcd

from .clearance import APART
from .problem import Packing, Problem

LIMIT = 4.0
"""Deterministic time, of the order of a second each."""


def refine(problem: Problem, best: Packing, limit: float = LIMIT) -> Packing:
    """The lowest packing that is found, never higher than `best`.

    Raises ModuleNotFoundError without OR-Tools.
    """
    from ortools.sat.python import cp_model  # type: ignore[import-not-found, unused-ignore]  # an optional extra

    if best.height <= problem.lower_bound:
        return best
    clearance, sizes = problem.clearance, problem.sizes
    unit = gcd(*sizes, *(abs(int(c)) for c in clearance[clearance != APART]))
    model, highest = cp_model.CpModel(), (best.height - 1) // unit
    height = model.new_int_var(-(-problem.lower_bound // unit), highest, "height")
    offsets = []
    for i, size in enumerate(sizes):
        offsets.append(model.new_int_var(0, highest - size // unit, f"offset {i}"))
        model.add(offsets[i] + size // unit <= height)
        model.add_hint(offsets[i], min(best.offsets[i] // unit, highest - size // unit))
    for i, neighbours in enumerate(problem.neighbours):
        for j, above, below in neighbours:
            if j > i:
                order = model.new_bool_var(f"{j} above {i}")
                model.add(offsets[j] - offsets[i] >= above // unit).only_enforce_if(order)
                model.add(offsets[i] - offsets[j] >= below // unit).only_enforce_if(~order)
                model.add_hint(order, best.offsets[j] - best.offsets[i] >= above)
    model.minimize(height)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = limit
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return best
    found = tuple(solver.value(offset) * unit for offset in offsets)
    return Packing(found, max(offset + size for offset, size in zip(found, sizes, strict=True)))
