"""The status page is read back as it was written, and a change beyond its tolerance is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.toolchains import NAMES, require

from benchmarks import status
from edgekit.builder import toolchains

ROW = status.Row("m", "gnu", 10_000, 2_000, 3_000, 400, 5_000, 1_000_000)
PAGE = status.Page(
    {"gnu": "1.2.3", "zig": "0.4.5-dev.6+7"},
    {("a", "m", "gnu"): ROW, ("a", "m", "zig"): replace(ROW, toolchain="zig", code=9), ("b", "m", "gnu"): ROW},
    {("a", "n", "zig"): "the image does not fit a: flash overflows", ("c", "n", "gnu"): "n: a tensor is too large"},
)


def test_the_page_reads_back() -> None:
    assert status.read(status.render(PAGE)) == PAGE


def test_one_per_cent_either_way_is_tolerated_and_more_is_named() -> None:
    assert ROW.differences(ROW) == []
    assert replace(ROW, code=10_100, instructions=990_000).differences(ROW) == []
    assert replace(ROW, code=10_101).differences(ROW) == ["code: 10,101, was 10,000"]
    assert replace(ROW, instructions=989_999).differences(ROW) == ["instructions: 989,999, was 1,000,000"]


def test_a_build_that_the_page_does_not_have_is_named() -> None:
    assert PAGE.complaints(("a", "m", "gnu"), ROW) == []
    assert PAGE.complaints(("a", "m", "gnu"), replace(ROW, code=1)) == ["code: 1, was 10,000"]
    assert PAGE.complaints(("a", "n", "zig"), ROW)


def test_a_page_of_another_version_is_not_compared_with() -> None:
    assert PAGE.same("gnu 1.2.3")
    assert not PAGE.same("gnu 1.2.4")
    assert not status.read("").same("gnu 1.2.3")


def test_the_page_has_every_model_on_every_board_by_every_toolchain() -> None:
    page = status.read(status.PAGE.read_text(encoding="utf-8"))
    names = {model for _, model, _ in page.rows}
    every = {(b, m, t) for b in status.BOARDS for m in names for t in status.TOOLCHAINS}
    assert every == {*page.rows, *page.misfits}
    assert not page.rows.keys() & page.misfits.keys()


@pytest.mark.parametrize("toolchain", NAMES)
def test_the_page_was_made_with_the_toolchain_that_is_here(toolchain: str) -> None:
    """A skip tells that the builds of this run are not compared with the page."""
    page = status.read(status.PAGE.read_text(encoding="utf-8"))
    assert page.versions.keys() == {*NAMES}
    found = toolchains.choose(require(toolchain))
    if not page.same(found.identity):
        pytest.skip(f"docs/status.md is of {toolchain} {page.versions[toolchain]}, here is {found.version}")
