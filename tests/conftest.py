"""Test configuration: the tests' own packages are importable, and hypothesis is deterministic in CI."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(_TESTS), str(_TESTS.parent)]  # support, and what is not installed: benchmarks and tools

pytest_plugins = ["conformance.tally"]

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("ci", derandomize=True, max_examples=60, **_COMMON)
settings.register_profile("full", derandomize=True, max_examples=2000, **_COMMON)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites tests/golden with what the code generates now; `--full` is `make test-full`."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption("--full", action="store_true", help="2,000 examples a property, and the slow tests")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("full" if config.getoption("--full") else "ci")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("slow") is not None:
                item.add_marker(pytest.mark.skip(reason="slow: run by make test-full"))
