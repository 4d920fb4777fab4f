"""A board as the compiler sees it: the memory left for the arena, and the core's kernels."""

from __future__ import annotations

from edgekit_codegen.target import Region, Target

from .types import Board, Memory

FIRMWARE_DATA = 4096
"""Bytes of the "data" memory kept for the agent's and the port's variables and the fault handler's stack. The build
checks after the link that they need no more, so that a plan made without a toolchain holds."""

ALIGN = 32
"""Bytes: a cache line of a Cortex-M7, so that no buffer of a region shares a line with foreign data."""


ISAS = {"cortex-m0": "v6m", "cortex-m0plus": "v6m", "cortex-m55": "mve"}
"""Target.isa of cores that have kernels of their own."""


def target(board: Board, kernels: str = "edgekit") -> Target:
    """The memories that the board gives to the arena, less the stack and the firmware's data, fastest first, and what
    its core's kernels may use. kernels: as Target.kernels."""
    arenas = [m for m in board.memory if "arena" in m.use]
    ordered = sorted(arenas, key=lambda m: m.wait_states)  # stable: equal memories stay in the file's order
    regions = tuple(Region(m.name, _left(board, m), ALIGN, m.wait_states) for m in ordered)
    isa = ISAS.get(board.mcu.core, "scalar")
    return Target(board.name, regions, isa=isa, kernels=kernels)


def _left(board: Board, memory: Memory) -> int:
    stack = board.build.stack if "stack" in memory.use else 0
    data = FIRMWARE_DATA if "data" in memory.use else 0
    return max(memory.size - stack - data, 0)
