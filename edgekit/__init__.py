"""edgekit: neural networks on the smallest computers.

The commands are functions here: `edgekit.build(...)` returns what `edgekit build` prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import bench, build, evaluate, flash, inspect, new, plan, profile, run

__version__ = "0.1.0"
__all__ = ["bench", "build", "evaluate", "flash", "inspect", "new", "plan", "profile", "run"]


def __getattr__(name: str) -> Any:
    """Load the commands when one is first used, so that `import edgekit` stays quick."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
