"""From a plan to C sources."""

from .emit import emit
from .types import EmitOptions, Sources

__all__ = ["EmitOptions", "Sources", "emit"]
