"""The emulated board: the very ELF that would be flashed, on a modelled core with modelled peripherals.

Instruction counts are exact. Cycles are estimates from a cost table, or absent. Whatever real silicon would not do
stops the board with a FaultReport. Boards whose file names QEMU run there instead: a second opinion, without estimates.
"""

from .counters import Marks
from .dispatch import start
from .faults import FaultReport
from .process import EmulatedBoard
from .qemu import QemuBoard
from .rules import FaultKind, Rule

__all__ = ["EmulatedBoard", "FaultKind", "FaultReport", "Marks", "QemuBoard", "Rule", "start"]
