"""Board files: read, validated, found by name, and turned into what the compiler needs to know."""

from .load import load, load_all, read
from .status import status
from .target import target
from .types import Board, Memory

__all__ = ["Board", "Memory", "load", "load_all", "read", "status", "target"]
