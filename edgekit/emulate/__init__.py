"""The emulated board: the very ELF that would be flashed, on a modelled core with modelled peripherals.

Instruction counts are exact. Cycles are estimates from a cost table, or absent. Whatever real silicon would not do
stops the board with a FaultReport.
"""

from .counters import Marks
from .faults import FaultKind, FaultReport
from .process import EmulatedBoard, start

__all__ = ["EmulatedBoard", "FaultKind", "FaultReport", "Marks", "start"]
