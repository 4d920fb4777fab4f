"""Where every byte of an inference lives."""

from .plan import Plan, RegionUse, Scratch, Storage
from .planner import make_plan

__all__ = ["Plan", "RegionUse", "Scratch", "Storage", "make_plan"]
