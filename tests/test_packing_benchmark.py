"""The packing benchmark reads MiniMalloc's files, checks what packers return, and says what it cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import packing
from edgekit_codegen.memory.pack import Packing

TEXT = "id,lower,upper,size\n0,0,2,4\n1,2,3,8\n2,0,3,8\n"


def instance(folder: Path, name: str = "X.16.csv", text: str = TEXT) -> packing.Instance:
    (folder / name).write_text(text, encoding="utf-8")
    return packing.read(folder / name)


def test_a_file_is_packed_into_its_capacity_and_becomes_a_row(tmp_path: Path) -> None:
    row = packing.measure(instance(tmp_path), nodes=100)
    assert (row.heuristic.height, row.exact.height, row.instance.capacity) == (16, 16, 16)
    (line,) = [line for line in packing.render([row]).splitlines() if line.startswith("| X |")]
    assert line.startswith("| X | 3 | 16 | 16 | 16 | 0.0% |")


def test_what_does_not_fit_is_not_found(tmp_path: Path) -> None:
    row = packing.measure(instance(tmp_path, "X.12.csv"), nodes=100)
    assert row.exact.height is None
    assert "not found" in packing.render([row])
    assert "0 of the 1" in packing.render([row])


def test_ends_of_lives_are_exclusive(tmp_path: Path) -> None:
    """Buffers 0 and 1 meet at time 2 and may share bytes; 0 and 2 may not."""
    items = instance(tmp_path).items
    packing.check(items, Packing((0, 0, 8), 16))
    with pytest.raises(AssertionError, match="0 and 2"):
        packing.check(items, Packing((0, 8, 0), 16))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"X\.csv: the name does not say the capacity"):
        instance(tmp_path, "X.csv")
    with pytest.raises(ValueError, match="alignments"):
        instance(tmp_path, text="id,lower,upper,size,alignment\n0,0,1,4,8\n")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no \.csv file"):
        packing.main([str(tmp_path)])
