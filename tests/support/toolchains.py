"""The C toolchains that tests build with; an absent one skips its tests visibly."""

from __future__ import annotations

import pytest

from edgekit.builder import toolchains

NAMES = ("gnu", "zig")
MISSING = {"gnu": f"{toolchains.GNU} is not on the PATH", "zig": "the ziglang package is not installed"}


def require(name: str) -> str:
    """The name, where that toolchain is installed."""
    if name not in {t.name for t in toolchains.probe()}:
        pytest.skip(MISSING[name])
    return name
