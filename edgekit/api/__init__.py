"""The commands as functions: what `edgekit build` prints, `edgekit.build()` returns."""

from ..results import Result
from .comparison import bench
from .compile import build, plan
from .device import evaluate, profile, run
from .flashing import flash
from .info import boards, doctor, inspect
from .scaffold import new

__all__ = [
    "Result",
    "bench",
    "boards",
    "build",
    "doctor",
    "evaluate",
    "flash",
    "inspect",
    "new",
    "plan",
    "profile",
    "run",
]
