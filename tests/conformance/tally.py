"""How many cases of each operator kind were compared, and with what: counted as they pass, over all test processes.

`pytest tests/conformance --full --write-cases` (`make cases`) writes the table to docs/conformance.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import ROOT

from edgekit_codegen.ops import TABLE

PATH = ROOT / "docs" / "conformance.md"
CI, FULL = 0, 1
AMOUNTS = {  # column: cases per kind in `make test` and in `make test-full`
    "oracle": (200, 2000),
    "kernel": (60, 2000),
    "Cortex-M0": (20, 200),
    "Cortex-M4": (20, 200),
    "Cortex-M7": (20, 200),
    "Cortex-M55": (20, 200),
    "generated C": (10, 100),
}
T = TypeVar("T")
_COUNTS = pytest.StashKey[Counter[tuple[str, str]]]()


class Tally:
    """Draws as many cases as this run asks for, and counts them."""

    def __init__(self, config: pytest.Config) -> None:
        self._counts = config.stash[_COUNTS]
        self._run = FULL if config.getoption("--full") else CI

    def amount(self, column: str) -> int:
        return AMOUNTS[column][self._run]

    def add(self, kind: str, columns: Sequence[str], count: int = 1) -> None:
        self._counts.update({(kind, column): count for column in columns})

    def each(self, kind: str, columns: Sequence[str], cases: st.SearchStrategy[T], check: Callable[[T], None]) -> None:
        """Check as many drawn cases as the first column asks for. Fails where there are not that many."""
        count, passed = self.amount(columns[0]), 0

        @settings(max_examples=count)
        @given(cases)
        def compare(case: T) -> None:
            nonlocal passed
            check(case)
            passed += 1

        compare()
        assert passed >= count, f"only {passed} different cases of {kind} are drawn"
        self.add(kind, columns, passed)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    return Tally(request.config)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-cases", action="store_true", help="write the counts of cases to docs/conformance.md")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What counts no cases has nothing to say to the table."""
    if config.getoption("--write-cases"):
        items[:] = [item for item in items if "tally" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its counts to the process that started it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["cases"] = [(*key, n) for key, n in session.config.stash[_COUNTS].items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for kind, column, n in getattr(node, "workeroutput", {}).get("cases", ()):
        node.config.stash[_COUNTS][kind, column] += n


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = config.stash[_COUNTS]
    if not counts:
        return
    terminalreporter.section("cases compared, per operator kind")
    for column in AMOUNTS:
        numbers = {kind: n for (kind, c), n in counts.items() if c == column}
        if numbers:
            least = min(numbers, key=lambda kind: numbers[kind])
            total = sum(numbers.values())
            terminalreporter.write_line(
                f"{column:12} {len(numbers)} kinds, {total:,} cases; least {numbers[least]:,} ({least})"
            )
    if config.getoption("--write-cases"):
        PATH.write_text(table(counts), encoding="utf-8")
        terminalreporter.write_line(f"wrote {PATH.relative_to(ROOT)}")


def table(counts: Counter[tuple[str, str]]) -> str:
    """docs/conformance.md: one row per kind."""
    lines = [
        "<!-- Written by `make cases`, which runs them. -->\n",
        "# Cases compared\n",
        "What `make test-full` compared, all equal byte for byte; a case is one operator with drawn shapes,",
        "attributes, quantization and values. `make test` compares at least the number of cases in the second row.\n",
        "- oracle: the model file in the oracle's interpreter (`docs/operators.md` says which) = reference = C kernel",
        "- kernel: reference = C kernel, also for what model files cannot say, and in strips",
        "- Cortex: reference = C kernel compiled for that core and run on the emulated core",
        "- generated C: reference = the C of whole models, parameters constant, several operators at once\n",
        "| kind | " + " | ".join(AMOUNTS) + " |",
        "|---|" + "---|" * len(AMOUNTS),
        "| each, in `make test` | " + " | ".join(str(amount[CI]) for amount in AMOUNTS.values()) + " |",
    ]
    for kind in sorted(TABLE):
        lines.append(
            f"| {kind} | " + " | ".join(f"{counts[kind, c]:,}" if counts[kind, c] else "" for c in AMOUNTS) + " |"
        )
    return "\n".join(lines) + "\n"
