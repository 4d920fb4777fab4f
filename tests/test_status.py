"""The status table is read back as it was written, and a change beyond its tolerance is named."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import status

ROW = status.Row("m", "b", 10_000, 2_000, 3_000, 400, 5_000, 1_000_000)


def test_the_page_reads_back() -> None:
    page = status.render("gnu 1.2.3", [ROW], ["a note"])
    assert status.read(page) == ("gnu 1.2.3", {("m", "b"): ROW})


def test_one_per_cent_either_way_is_tolerated_and_more_is_named() -> None:
    assert ROW.differences(ROW) == []
    assert replace(ROW, code=10_100, instructions=990_000).differences(ROW) == []
    assert replace(ROW, code=10_101).differences(ROW) == ["code: 10,101, was 10,000"]
    assert replace(ROW, instructions=989_999).differences(ROW) == ["instructions: 989,999, was 1,000,000"]


def test_the_page_covers_every_board_for_every_model_it_names() -> None:
    toolchain, rows = status.read(status.PAGE.read_text())
    assert toolchain
    assert {board for _, board in rows} == set(status.BOARDS)
    assert len(rows) == len({model for model, _ in rows}) * len(status.BOARDS)
