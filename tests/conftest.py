"""Test configuration: the tests' own packages are importable, and hypothesis is deterministic in CI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(_TESTS), str(_TESTS.parent)]  # support, and what is not installed: benchmarks and tools

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("ci", derandomize=True, max_examples=60, **_COMMON)
settings.register_profile("full", derandomize=True, max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("EDGEKIT_TEST_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites tests/golden with what the code generates now."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
