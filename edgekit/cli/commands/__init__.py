"""One module per group of commands; `COMMANDS` lists them in the order that help shows."""

from .bench import bench
from .build import build
from .device import evaluate, profile, run
from .flash import flash
from .info import boards, doctor, inspect
from .new import new
from .plan import plan

COMMANDS = (new, build, plan, inspect, flash, run, profile, bench, evaluate, boards, doctor)

__all__ = ["COMMANDS"]
