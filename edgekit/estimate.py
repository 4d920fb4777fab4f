"""Cycles before anything is compiled: the compiler's estimate of instructions, weighed with the core's cost table."""

from __future__ import annotations

from collections.abc import Mapping

from .boards import Board
from .emulate.classes import cost
from .profiler.costs import cycle_table

MIX: Mapping[str, float] = {
    "alu": 0.35,
    "mac": 0.22,
    "load": 0.32,
    "store": 0.02,
    "branch_taken": 0.07,
    "branch_not_taken": 0.02,
}
"""Shares of instruction classes: about what KWS, VWW and IC of MLPerf Tiny executed on the emulated Cortex-M7."""

_INSTEAD = {"mac": "mul"}
"""What takes the place of a class on a core without it."""


def cycles(instructions: int, board: Board) -> int | None:
    """Core cycles of so many instructions of an inference; None where the board's core has no cost table."""
    table = cycle_table(board)
    if table is None:
        return None
    classes = (((name if table[name] is not None else _INSTEAD[name]), share) for name, share in MIX.items())
    return round(instructions * sum(share * cost(((name, 1),), table) for name, share in classes))
