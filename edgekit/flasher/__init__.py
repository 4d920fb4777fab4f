"""Program a board. One module per programmer under `runners` builds the exact command and judges its outcome."""

from .program import Flashed, choose, command, flash
from .runners import RUNNERS
from .types import GDB_SERVER, FlashJob, Outcome, Runner

__all__ = ["GDB_SERVER", "RUNNERS", "FlashJob", "Flashed", "Outcome", "Runner", "choose", "command", "flash"]
