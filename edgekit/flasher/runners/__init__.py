"""One module per programmer, each with a RUNNER; `RUNNERS` lists them by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..types import Runner
from . import gdb, openocd

RUNNERS: Mapping[str, Runner] = {runner.name: runner for runner in (openocd.RUNNER, gdb.RUNNER)}

__all__ = ["RUNNERS"]
