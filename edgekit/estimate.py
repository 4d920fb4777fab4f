"""Cycles before anything is compiled: the compiler's estimate of instructions, weighed with the core's cost table."""

from __future__ import annotations

from collections.abc import Mapping

from .boards import Board
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


def cycles(instructions: int, board: Board) -> int | None:
    """Core cycles of so many instructions of an inference; None where the board's core has no cost table."""
    table = cycle_table(board)
    return None if table is None else round(instructions * sum(share * table[name] for name, share in MIX.items()))
